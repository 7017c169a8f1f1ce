"""Every error that the service answers: a service raises it, the routes document it from the class.

``status`` is the HTTP status, ``code`` is stable and for programs, ``message`` is for people.
"""

from collections.abc import Mapping

FieldErrors = Mapping[str, list[str]]


class ServiceError(Exception):
    """An answer that is not a success; by itself, a fault of the service."""

    status = 500
    code = "internal_error"
    message = "Something went wrong on our side"
    headers: Mapping[str, str] = {}

    def __init__(self, message: str | None = None, *, errors: FieldErrors | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.errors = errors


class ConfigurationError(Exception):
    """The settings cannot be used; the message lists every fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the configuration cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


# ---------------------------------------------------------------- 400: the request


class BadRequest(ServiceError):
    status, code, message = 400, "bad_request", "The request is not valid"


class InvalidInput(ServiceError):
    """Invalid fields; ``errors`` names them, and the message is the first one's."""

    status, code, message = 400, "invalid_input", "Some fields are not valid"

    def __init__(self, message: str | None = None, *, errors: FieldErrors | None = None) -> None:
        first = next((messages[0] for messages in (errors or {}).values() if messages), None)
        super().__init__(message or first, errors=errors)


class MalformedJson(ServiceError):
    status, code, message = 400, "malformed_json", "The body must be a JSON object in UTF-8"


class NothingToUpdate(ServiceError):
    status, code, message = 400, "nothing_to_update", "The body holds nothing that can be changed"


class InvalidToken(ServiceError):
    status, code, message = 400, "invalid_token", "This link is not valid any more; ask for a new one"


class IdempotencyKeyInvalid(ServiceError):
    status, code = 400, "idempotency_key_invalid"
    message = "Idempotency-Key must be 1 to 255 printable ASCII characters"


class IdempotencyKeyReused(ServiceError):
    status, code, message = 400, "idempotency_key_reused", "This Idempotency-Key was used for another request"


# ---------------------------------------------------------------- 401, 403: the caller


class NotAuthenticated(ServiceError):
    status, code, message = 401, "not_authenticated", "Sign in first"
    # RFC 9110 section 11.6.1 wants a challenge with every 401. A scheme of our own keeps browsers from asking.
    headers = {"WWW-Authenticate": 'Session realm="customers"'}


class InvalidCredentials(NotAuthenticated):
    """Unknown e-mail, wrong password or disabled account: the caller cannot tell which (ASVS 5.0, 6.3.8)."""

    code, message = "invalid_credentials", "The e-mail address or the password is wrong"


class Forbidden(ServiceError):
    status, code, message = 403, "forbidden", "You may not do this"


class StatusForbidden(ServiceError):
    status, code, message = 403, "status_forbidden", "Only an admin enables and disables accounts"


class WrongPassword(ServiceError):
    status, code, message = 403, "wrong_password", "The current password is wrong"


class LoginAgain(ServiceError):
    """A sensitive change in a session whose login is too old (ASVS 5.0, 7.5.1)."""

    status, code, message = 403, "login_again", "Sign in again to do this"


class CrossSite(ServiceError):
    status, code, message = 403, "cross_site", "Pages of other sites may not do this"


# ---------------------------------------------------------------- 404, 405, 409, 412, 413, 415: the resource


class NotFound(ServiceError):
    status, code, message = 404, "not_found", "Not found"


class CustomerNotFound(ServiceError):
    status, code, message = 404, "customer_not_found", "Customer not found"


class AddressNotFound(ServiceError):
    status, code, message = 404, "address_not_found", "Address not found"


class SessionNotFound(ServiceError):
    status, code, message = 404, "session_not_found", "Session not found"


class GroupNotFound(ServiceError):
    status, code, message = 404, "group_not_found", "Group not found"


class MethodNotAllowed(ServiceError):
    status, code, message = 405, "method_not_allowed", "This path does not take this method"


class EmailTaken(ServiceError):
    status, code, message = 409, "email_taken", "An account with this e-mail address exists"


class GroupNameTaken(ServiceError):
    status, code, message = 409, "group_name_taken", "A group with this name exists"


class DefaultGroup(ServiceError):
    status, code, message = 409, "default_group", "The default group cannot be deleted"


class TooManyAddresses(ServiceError):
    status, code, message = 409, "too_many_addresses", "A customer has at most 100 addresses"


class PreconditionFailed(ServiceError):
    """Something that has changed since the version in If-Match (RFC 9110 section 13.1.1)."""

    status, code, message = 412, "precondition_failed", "This has been changed since; read it again"


class BodyTooLarge(ServiceError):
    status, code, message = 413, "body_too_large", "The body is too large"


class UnsupportedMediaType(ServiceError):
    status, code, message = 415, "unsupported_media_type", "The body must be sent as application/json"


# ---------------------------------------------------------------- 429, 503: try again later


class TooManyRequests(ServiceError):
    """A rate limit was exceeded; ``seconds`` is when the next attempt is allowed (RFC 6585 section 4)."""

    status, code, message = 429, "too_many_requests", "Too many requests; try again later"
    headers = {"Retry-After": "1"}

    def __init__(self, seconds: int = 1, *, is_first: bool = False) -> None:
        super().__init__()
        self.seconds = seconds
        self.is_first = is_first  # the first refusal since the limit was reached
        self.headers = {"Retry-After": str(seconds)}


class TooManyAttempts(TooManyRequests):
    """Too many failed attempts at a password (ASVS 5.0, 6.3.1)."""

    code, message = "too_many_attempts", "Too many failed attempts; try again later"


class Unavailable(ServiceError):
    status, code, message = 503, "unavailable", "The service is not available; try again"
    headers = {"Retry-After": "2"}


class Busy(ServiceError):
    status, code, message = 503, "busy", "The service is busy; try again"
    headers = {"Retry-After": "1"}

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after)}


class MailUnavailable(ServiceError):
    status, code, message = 503, "mail_unavailable", "Mail cannot be sent at present"
    headers = {"Retry-After": "3600"}


class SchemaMissing(ServiceError):
    status, code = 503, "schema_missing"
    message = "The database schema is missing or out of date; run: flask init-db"
    headers = {"Retry-After": "10"}
