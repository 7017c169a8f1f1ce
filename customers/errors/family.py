"""What all errors of the service are."""

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
