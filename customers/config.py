"""Settings: one table, read from the environment once, at start.

Each field of :class:`Settings` names its environment variable, how it is read, and what it is for. The README's table
is checked against this one by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from customers import readers
from customers.environment import ConfigurationError, read, setting
from customers.processors import processors

__all__ = ["ConfigurationError", "Settings", "load"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked. Durations are in seconds, sizes in bytes."""

    host: str = setting("HOST", readers.text, "127.0.0.1", "address to listen on")
    port: int = setting("PORT", readers.whole(1, 65535), 8000, "port to listen on")
    workers: int = setting(
        "CUSTOMERS_WORKERS", readers.whole(1, 256), processors(), "worker processes", "the number of processors"
    )
    threads: int = setting(
        "CUSTOMERS_THREADS", readers.whole(1, 1024), 64, "threads of a worker, each serving one request"
    )

    database_url: str | None = setting(
        "CUSTOMERS_DATABASE_URL",
        readers.database_url,
        None,
        "PostgreSQL 15 or later, as `postgresql://user:password@host/database`",
        "its own PostgreSQL",
    )
    data_dir: Path = setting(
        "CUSTOMERS_DATA_DIR", readers.path, Path(".data"), "where the service's own PostgreSQL and its secret key live"
    )
    pool_size: int = setting(
        "CUSTOMERS_POOL_SIZE", readers.whole(1, 1000), 10, "database connections of a worker, at most"
    )
    pool_timeout: float = setting(
        "CUSTOMERS_POOL_TIMEOUT", readers.seconds, 5.0, "wait for a free connection, then 503", "5"
    )
    connect_timeout: int = setting(
        "CUSTOMERS_CONNECT_TIMEOUT", readers.whole(1, 60), 3, "wait for a connection to the database"
    )
    statement_timeout: float = setting(
        "CUSTOMERS_STATEMENT_TIMEOUT", readers.seconds, 5.0, "a statement that takes longer is cancelled, then 503", "5"
    )

    secret_key: str = setting(
        "CUSTOMERS_SECRET_KEY",
        readers.secret_key,
        "",
        "signs the cookie; at least 32 bytes; needed with `CUSTOMERS_DATABASE_URL`",
        "made and kept in the data directory",
    )
    former_secret_keys: tuple[str, ...] = setting(
        "CUSTOMERS_FORMER_SECRET_KEYS",
        readers.secret_keys,
        (),
        "keys that still verify cookies, separated by commas, while the key is being changed",
        "none",
    )
    cookie_name: str | None = setting(
        "CUSTOMERS_COOKIE_NAME",
        readers.cookie_name,
        None,
        "the cookie's name",
        "`__Host-customers`, or `customers` over plain HTTP",
    )
    cookie_secure: bool | None = setting(
        "CUSTOMERS_COOKIE_SECURE",
        readers.flag,
        None,
        "`false` lets the cookie travel over plain HTTP, for development",
        "`true` with `CUSTOMERS_DATABASE_URL`",
    )
    trusted_origins: frozenset[str] = setting(
        "CUSTOMERS_TRUSTED_ORIGINS",
        readers.origins,
        frozenset(),
        "other origins whose pages may call, separated by commas",
        "none",
    )
    trusted_proxies: int = setting(
        "CUSTOMERS_TRUSTED_PROXIES",
        readers.whole(0, 16),
        0,
        "proxies in front whose `X-Forwarded-For` is believed; 0: the peer's address is the client's",
    )
    max_body: int = setting("CUSTOMERS_MAX_BODY", readers.whole(1024, 2**30), 2**20, "largest request body; then 413")

    pages: bool = setting(
        "CUSTOMERS_PAGES", readers.flag, True, "`false`: no pages for the shop's staff below `/admin`", "true"
    )

    customer_idle: int = setting(
        "CUSTOMERS_CUSTOMER_IDLE",
        readers.whole(60, 10**9),
        24 * 3600,
        "a customer's session ends when unused for so long",
    )
    customer_lifetime: int = setting(
        "CUSTOMERS_CUSTOMER_LIFETIME",
        readers.whole(60, 10**9),
        30 * 24 * 3600,
        "a customer's session lasts so long in all",
    )
    admin_idle: int = setting(
        "CUSTOMERS_ADMIN_IDLE", readers.whole(60, 10**9), 3600, "an admin's session ends when unused for so long"
    )
    admin_lifetime: int = setting(
        "CUSTOMERS_ADMIN_LIFETIME", readers.whole(60, 10**9), 12 * 3600, "an admin's session lasts so long in all"
    )
    recent_login: int = setting(
        "CUSTOMERS_RECENT_LOGIN", readers.whole(1, 10**9), 900, "how old a login may be for sensitive changes"
    )
    reset_lifetime: int = setting(
        "CUSTOMERS_RESET_LIFETIME", readers.whole(60, 10**6), 3600, "a password reset token lasts so long"
    )

    smtp_url: str | None = setting(
        "CUSTOMERS_SMTP_URL",
        readers.smtp_url,
        None,
        "mail server, as `smtp://user:secret@host:587` or `smtps://…`",
        "none: with its own PostgreSQL, mails become files in the data directory; else no mail",
    )
    smtp_timeout: float = setting("CUSTOMERS_SMTP_TIMEOUT", readers.seconds, 10.0, "wait for the mail server", "10")
    mail_from: str = setting(
        "CUSTOMERS_MAIL_FROM",
        readers.mail_address,
        "Customers <no-reply@localhost>",
        "sender of mails; needed with `CUSTOMERS_SMTP_URL`",
    )
    mail_templates: Path | None = setting(
        "CUSTOMERS_MAIL_TEMPLATES", readers.path, None, "folder of templates that replace the service's own", "none"
    )
    mail_sender: bool = setting(
        "CUSTOMERS_MAIL_SENDER", readers.flag, True, "`false`: mail is sent by `flask send-mail` alone", "true"
    )
    reset_url: str = setting(
        "CUSTOMERS_RESET_URL",
        readers.reset_url,
        "http://127.0.0.1:8000/reset-password?token={token}",
        "page behind the link in a reset mail; holds `{token}`; needed with `CUSTOMERS_SMTP_URL`",
    )

    bcrypt_rounds: int = setting(
        "CUSTOMERS_BCRYPT_ROUNDS", readers.whole(4, 17), 12, "bcrypt's cost; each step doubles it"
    )
    hash_threads: int | None = setting(
        "CUSTOMERS_HASH_THREADS",
        readers.whole(1, 64),
        None,
        "threads of a worker that hash passwords",
        "processors / workers, at least 1",
    )
    hash_max_wait: float = setting(
        "CUSTOMERS_HASH_MAX_WAIT",
        readers.seconds,
        5.0,
        "a password that would wait longer to be hashed gets a 503",
        "5",
    )

    log_level: str = setting(
        "CUSTOMERS_LOG_LEVEL",
        readers.choice("debug", "info", "warning", "error"),
        "info",
        "least severe log line to write",
    )
    log_format: str = setting(
        "CUSTOMERS_LOG_FORMAT",
        readers.choice("auto", "json", "text"),
        "auto",
        "`json`, `text` for people, or `auto`: text on a terminal, else JSON",
    )
    metrics: tuple[str, int] | None = setting(
        "CUSTOMERS_METRICS",
        readers.address,
        None,
        "address that serves `/metrics` to Prometheus, as `host:port`; `off`: none",
        "`127.0.0.1`, `PORT` + 1464: 9464 beside 8000",
    )

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
