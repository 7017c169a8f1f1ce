"""Every error that the service answers: a service raises it, the routes document it from the class.

``status`` is the HTTP status, ``code`` is stable and for programs, ``message`` is for people.
"""

from collections.abc import Mapping
from typing import TypeVar

FieldErrors = Mapping[str, list[str]]
T = TypeVar("T")


class ServiceError(Exception):
    """An answer that is not a success; by itself, a fault of the service."""

    status = 500
    code = "internal_error"
    message = "Something went wrong on our side"
    headers: Mapping[str, str] = {}

    def __init__(
        self, message: str | None = None, *, errors: FieldErrors | None = None, retry_after: int | None = None
    ) -> None:
        """Make an error; ``retry_after`` is the seconds until the next attempt is allowed (RFC 9110 section 10.2.3)."""
        super().__init__(message or self.message)
        self.message = message or self.message
        self.errors = errors
        if retry_after is not None:
            self.headers = {**self.headers, "Retry-After": str(retry_after)}


def found(value: T | None, missing: type[ServiceError]) -> T:
    """Return what has been looked for. Raises the error where that is None."""
    if value is None:
        raise missing()
    return value


class ConfigurationError(Exception):
    """The settings cannot be used; the message lists every fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the configuration cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


class InvalidInput(ServiceError):
    """Invalid fields; ``errors`` names them, and the message is the first one's."""

    status, code, message = 400, "invalid_input", "Some fields are not valid"

    def __init__(self, message: str | None = None, *, errors: FieldErrors | None = None) -> None:
        first = next((messages[0] for messages in (errors or {}).values() if messages), None)
        super().__init__(message or first, errors=errors)


def _error(status: int, code: str, message: str, headers: Mapping[str, str] = {}) -> type[ServiceError]:
    """Return a class of errors, which is named after its code."""

    class Error(ServiceError):
        pass

    Error.status, Error.code, Error.message, Error.headers = status, code, message, headers
    Error.__name__ = Error.__qualname__ = code.title().replace("_", "")
    return Error


BadRequest = _error(400, "bad_request", "The request is not valid")
MalformedJson = _error(400, "malformed_json", "The body must be a JSON object in UTF-8")
NothingToUpdate = _error(400, "nothing_to_update", "The body holds nothing that can be changed")
InvalidToken = _error(400, "invalid_token", "This link is not valid any more; ask for a new one")
IdempotencyKeyInvalid = _error(400, "idempotency_key_invalid", "Idempotency-Key takes 1 to 255 printable characters")
IdempotencyKeyReused = _error(400, "idempotency_key_reused", "This Idempotency-Key was used for another request")

# RFC 9110 section 11.6.1 wants a challenge with every 401. A scheme of our own keeps browsers from asking.
_CHALLENGE = {"WWW-Authenticate": 'Session realm="customers"'}
NotAuthenticated = _error(401, "not_authenticated", "Sign in first", _CHALLENGE)
# Unknown e-mail, wrong password or disabled account: the caller cannot tell which (ASVS 5.0, 6.3.8).
InvalidCredentials = _error(401, "invalid_credentials", "The e-mail address or the password is wrong", _CHALLENGE)

Forbidden = _error(403, "forbidden", "You may not do this")
StatusForbidden = _error(403, "status_forbidden", "Only an admin enables and disables accounts")
WrongPassword = _error(403, "wrong_password", "The current password is wrong")
LoginAgain = _error(403, "login_again", "Sign in again to do this")  # the login is too old (ASVS 5.0, 7.5.1)
CrossSite = _error(403, "cross_site", "Pages of other sites may not do this")

NotFound = _error(404, "not_found", "Not found")
CustomerNotFound = _error(404, "customer_not_found", "Customer not found")
AddressNotFound = _error(404, "address_not_found", "Address not found")
SessionNotFound = _error(404, "session_not_found", "Session not found")
GroupNotFound = _error(404, "group_not_found", "Group not found")
MethodNotAllowed = _error(405, "method_not_allowed", "This path does not take this method")

EmailTaken = _error(409, "email_taken", "An account with this e-mail address exists")
GroupNameTaken = _error(409, "group_name_taken", "A group with this name exists")
DefaultGroup = _error(409, "default_group", "The default group cannot be deleted")
TooManyAddresses = _error(409, "too_many_addresses", "A customer has at most 100 addresses")
PreconditionFailed = _error(412, "precondition_failed", "This has been changed since; read it again")
BodyTooLarge = _error(413, "body_too_large", "The body is too large")
UnsupportedMediaType = _error(415, "unsupported_media_type", "The body must be sent as application/json")

TooManyRequests = _error(429, "too_many_requests", "Too many requests; try again later", {"Retry-After": "1"})
# At a password (ASVS 5.0, 6.3.1).
TooManyAttempts = _error(429, "too_many_attempts", "Too many failed attempts; try again later", {"Retry-After": "1"})
Busy = _error(503, "busy", "The service is busy; try again", {"Retry-After": "1"})
Unavailable = _error(503, "unavailable", "The service is not available; try again", {"Retry-After": "2"})
MailUnavailable = _error(503, "mail_unavailable", "Mail cannot be sent at present", {"Retry-After": "3600"})
SchemaMissing = _error(503, "schema_missing", "The schema is missing or old; run: flask init-db", {"Retry-After": "10"})
