"""What the service cannot do at present: 503."""

from customers.errors.family import ServiceError


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
