"""Things that are not there, are in the way, or have changed: 404, 409, 412."""

from customers.errors.family import ServiceError


class CustomerNotFound(ServiceError):
    """No customer has this uuid."""

    status, code, message = 404, "customer_not_found", "Customer not found"


class AddressNotFound(ServiceError):
    """The customer has no address of this uuid."""

    status, code, message = 404, "address_not_found", "Address not found"


class SessionNotFound(ServiceError):
    """The customer has no session of this uuid."""

    status, code, message = 404, "session_not_found", "Session not found"


class GroupNotFound(ServiceError):
    """No group has this uuid."""

    status, code, message = 404, "group_not_found", "Group not found"


class EmailTaken(ServiceError):
    """Another account has this address, in whatever case."""

    status, code, message = 409, "email_taken", "An account with this e-mail address exists"


class GroupNameTaken(ServiceError):
    """Another group has this name, in whatever case."""

    status, code, message = 409, "group_name_taken", "A group with this name exists"


class DefaultGroup(ServiceError):
    """A deletion of the group where all belong that have no other."""

    status, code, message = 409, "default_group", "The default group cannot be deleted"


class TooManyAddresses(ServiceError):
    """A customer who has as many addresses as there may be."""

    status, code, message = 409, "too_many_addresses", "A customer has at most 100 addresses"


class RequestInProgress(ServiceError):
    """The first request with this Idempotency-Key has not been answered yet."""

    status, code, message = 409, "request_in_progress", "The same request is being worked on; try again"


class PreconditionFailed(ServiceError):
    """A thing that is not any more as If-Match says (RFC 9110 section 13.1.1)."""

    status, code, message = 412, "precondition_failed", "This has been changed since; read it again"
