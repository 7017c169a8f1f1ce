"""Callers who have to wait: 429 (RFC 6585 section 4)."""

from customers.errors.family import ServiceError


class LimitReached(ServiceError):
    """More of something than there may be; ``seconds`` is when the limit that refused it will not refuse it again."""

    status, code, message = 429, "too_many_requests", "Too many requests; try again later"
    headers = {"Retry-After": "1"}

    def __init__(self, seconds: int = 1, *, is_first: bool = False) -> None:
        super().__init__()
        self.seconds = seconds
        self.is_first = is_first  # of the refusals since the limit was reached
        self.headers = {"Retry-After": str(seconds)}


class TooManyAttempts(LimitReached):
    """Too many failed attempts at a password, by account, by network, or by both: nobody is told (ASVS 5.0, 6.3.1)."""

    code, message = "too_many_attempts", "Too many failed attempts; try again later"


class TooManyRequests(LimitReached):
    """Too many registrations, or requests for a new password, from one network."""
