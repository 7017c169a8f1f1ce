"""Settings: one table, read from the environment once, at start.

Each field of the classes in customers/settings names its environment variable, how it is read, and what it is for. The
README's table is checked against them by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from customers import readers
from customers.environment import ConfigurationError, read
from customers.processors import processors
from customers.settings.access import Access
from customers.settings.hashing import Hashing
from customers.settings.limits import Limits
from customers.settings.mail import MailSettings
from customers.settings.serving import Serving
from customers.settings.storage import Storage
from customers.settings.telling import Telling

__all__ = ["ConfigurationError", "Settings", "load"]


@dataclass(frozen=True, kw_only=True)
class Settings(Telling, Hashing, MailSettings, Limits, Access, Storage, Serving):
    """All settings, read and checked. Durations are in seconds, sizes in bytes."""

    @property
    def embedded(self) -> bool:
        """Whether the service runs its own PostgreSQL."""
        return self.database_url is None

    @property
    def secure(self) -> bool:
        """Whether the cookie is for HTTPS only; so unless the service runs its own database for development."""
        return not self.embedded if self.cookie_secure is None else self.cookie_secure

    @property
    def cookie(self) -> str:
        """The cookie's name; a browser takes one with ``__Host-`` from this host, over HTTPS, and from nobody else."""
        return self.cookie_name or ("__Host-customers" if self.secure else "customers")

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where metrics are served, if at all. Instances on one machine differ by their port; so do their metrics."""
        beside = self.port + (1464 if self.port + 1464 <= 65535 else -1464)
        address = self.metrics or ("127.0.0.1", beside)
        return None if address == readers.NOWHERE else address

    @property
    def hashing_threads(self) -> int:
        """How many threads of one worker hash passwords: the processors, shared by the workers."""
        return self.hash_threads or max(1, processors() // self.workers)

    @property
    def hashing_places(self) -> int:
        """How many requests of one worker may wait for a hash: three threads of four, so that some stay free."""
        return max(1, self.threads * 3 // 4)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables; a blank one counts as unset.

    Raises ConfigurationError, which lists every fault at once.
    """
    values, faults = read(Settings, environ)
    if environ.get("CUSTOMERS_DATABASE_URL", "").strip() and not environ.get("CUSTOMERS_SECRET_KEY", "").strip():
        faults.append(
            "CUSTOMERS_SECRET_KEY is needed with CUSTOMERS_DATABASE_URL; "
            'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    if environ.get("CUSTOMERS_SMTP_URL", "").strip():
        needed = ("CUSTOMERS_MAIL_FROM", "CUSTOMERS_RESET_URL")
        faults += [f"{name} is needed with CUSTOMERS_SMTP_URL" for name in needed if not environ.get(name, "").strip()]
    if faults:
        raise ConfigurationError(faults)
    return Settings(**values)
