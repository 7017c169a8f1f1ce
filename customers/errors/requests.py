"""Requests that are wrong as such: 400, 404 for a path, 405, 413, 415."""

from customers.errors.family import ServiceError


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


class NotFound(ServiceError):
    """A path that nothing is served at."""

    status, code, message = 404, "not_found", "There is nothing at this address"


class MethodNotAllowed(ServiceError):
    """A path that does not take this method."""

    status, code, message = 405, "method_not_allowed", "This address does not take this method"


class BodyTooLarge(ServiceError):
    """A request body over the limit."""

    status, code, message = 413, "body_too_large", "The body is too large"


class UnsupportedMediaType(ServiceError):
    """A body that does not say it is JSON."""

    status, code, message = 415, "unsupported_media_type", "The body must be sent as application/json"


class UriTooLong(ServiceError):
    """A request line longer than gunicorn reads."""

    status, code, message = 414, "uri_too_long", "The address is too long"


class HeadersTooLarge(ServiceError):
    """A header, or so many of them, that gunicorn does not read it."""

    status, code, message = 431, "headers_too_large", "The headers are too large"
