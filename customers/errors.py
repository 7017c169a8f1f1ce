"""The family of errors that the service answers with.

A service raises a leaf; `answers.py` turns it into the one envelope. ``status`` is the HTTP status, ``code`` is stable
and for programs, the message is for people. The classes are also what `/openapi.json` documents the answers from.
"""

from collections.abc import Mapping

Faults = Mapping[str, list[str]]


class ServiceError(Exception):
    """An answer that is not a success. The class's own values are what is documented."""

    status = 500
    code = "internal_error"
    message = "Something went wrong on our side"
    headers: Mapping[str, str] = {}

    def __init__(self, message: str | None = None, *, errors: Faults | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.errors = errors


# 400


class BadRequest(ServiceError):
    """A request that is wrong as such, such as one with an impossible Host."""

    status, code, message = 400, "bad_request", "The request is not valid"


class InvalidInput(ServiceError):
    """Fields that are not as documented; ``errors`` says which and why."""

    status, code, message = 400, "invalid_input", "Some fields are not valid"


class MalformedJson(ServiceError):
    """A body that is not a JSON object."""

    status, code, message = 400, "malformed_json", "The body must be a JSON object in UTF-8"


class InvalidToken(ServiceError):
    """A password reset token that is unknown, used, or too old."""

    status, code, message = 400, "invalid_token", "This link is not valid any more; ask for a new one"


class IdempotencyKeyInvalid(ServiceError):
    """A key that is not 1 to 255 printable ASCII characters."""

    status, code = 400, "idempotency_key_invalid"
    message = "Idempotency-Key must be 1 to 255 printable ASCII characters"


class IdempotencyKeyReused(ServiceError):
    """A key that came with another body before."""

    status, code, message = 400, "idempotency_key_reused", "This Idempotency-Key was used for another request"


class NothingToUpdate(ServiceError):
    """A PATCH that names nothing that can be changed."""

    status, code, message = 400, "nothing_to_update", "The body holds nothing that can be changed"


# 401


class NotAuthenticated(ServiceError):
    """No session, or one that has ended."""

    status, code, message = 401, "not_authenticated", "Sign in first"
    # RFC 9110 section 11.6.1 wants a challenge with every 401; a scheme of our own keeps browsers from asking.
    headers = {"WWW-Authenticate": 'Session realm="customers"'}


class InvalidCredentials(NotAuthenticated):
    """Unknown address, wrong password, disabled account: the caller cannot tell which (ASVS 5.0, 6.3.8)."""

    code, message = "invalid_credentials", "The e-mail address or the password is wrong"


# 403


class Forbidden(ServiceError):
    """Signed in, but not allowed."""

    status, code, message = 403, "forbidden", "You may not do this"


class StatusForbidden(ServiceError):
    """A customer that sends ``status``."""

    status, code, message = 403, "status_forbidden", "Only an admin enables and disables accounts"


class WrongPassword(ServiceError):
    """A current password that is not the current one."""

    status, code, message = 403, "wrong_password", "The current password is wrong"


class LoginAgain(ServiceError):
    """A sensitive change from a session whose login is too long ago (ASVS 5.0, 7.5.1)."""

    status, code, message = 403, "login_again", "Sign in again to do this"


class CrossSite(ServiceError):
    """A browser's write or login that a page of another site started."""

    status, code, message = 403, "cross_site", "Pages of other sites may not do this"


# 404, 405


class NotFound(ServiceError):
    """A path that nothing is served at."""

    status, code, message = 404, "not_found", "There is nothing at this address"


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


class MethodNotAllowed(ServiceError):
    """A path that does not take this method."""

    status, code, message = 405, "method_not_allowed", "This address does not take this method"


# 409


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


# 412, 413, 415


class PreconditionFailed(ServiceError):
    """A thing that is not any more as If-Match says (RFC 9110 section 13.1.1)."""

    status, code, message = 412, "precondition_failed", "This has been changed since; read it again"


class BodyTooLarge(ServiceError):
    """A request body over the limit."""

    status, code, message = 413, "body_too_large", "The body is too large"


class UnsupportedMediaType(ServiceError):
    """A body that does not say it is JSON."""

    status, code, message = 415, "unsupported_media_type", "The body must be sent as application/json"


# 503


class Unavailable(ServiceError):
    """The database does not answer, or not in time."""

    status, code, message = 503, "unavailable", "The service is not available; try again"
    headers = {"Retry-After": "2"}


class Busy(ServiceError):
    """More passwords wait to be hashed than can be in reasonable time."""

    status, code, message = 503, "busy", "The service is busy; try again"

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after)}

    headers = {"Retry-After": "1"}


class MailUnavailable(ServiceError):
    """No mail server is configured, in production."""

    status, code, message = 503, "mail_unavailable", "Mail cannot be sent at present"
    headers = {"Retry-After": "3600"}


class SchemaMissing(ServiceError):
    """The database holds no schema, or an older one."""

    status, code = 503, "schema_missing"
    message = "The database schema is missing or out of date; run: flask init-db"
    headers = {"Retry-After": "10"}
