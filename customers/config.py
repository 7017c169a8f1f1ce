"""Settings: one table, read from the environment once, at start.

Each field of :class:`Settings` names its environment variable, how it is read, and what it is for. The README's table
is checked against this one by a test.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import click

from customers import readers
from customers.processors import processors


class ConfigurationError(click.ClickException):
    """The environment cannot be started from; the message lists every fault, a line each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the configuration cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


def _setting(name: str, read: Callable[[str], Any], default: Any, about: str, shown: str | None = None) -> Any:
    """Return a dataclass field: a row of the table. ``shown`` is the default as a person would say it."""
    secret = read in (readers.database_url, readers.secret_key, readers.secret_keys, readers.smtp_url)
    metadata = {"name": name, "read": read, "about": about, "shown": str(default) if shown is None else shown}
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked. Durations are in seconds, sizes in bytes."""

    host: str = _setting("HOST", readers.text, "127.0.0.1", "address to listen on")
    port: int = _setting("PORT", readers.whole(1, 65535), 8000, "port to listen on")
    workers: int = _setting(
        "CUSTOMERS_WORKERS", readers.whole(1, 256), processors(), "worker processes", "the number of processors"
    )
    threads: int = _setting(
        "CUSTOMERS_THREADS", readers.whole(1, 1024), 64, "threads of a worker, each serving one request"
    )

    database_url: str | None = _setting(
        "CUSTOMERS_DATABASE_URL",
        readers.database_url,
        None,
        "PostgreSQL 15 or later, as `postgresql://user:password@host/database`",
        "its own PostgreSQL",
    )
    data_dir: Path = _setting(
        "CUSTOMERS_DATA_DIR", readers.path, Path(".data"), "where the service's own PostgreSQL and its secret key live"
    )
    pool_size: int = _setting(
        "CUSTOMERS_POOL_SIZE", readers.whole(1, 1000), 10, "database connections of a worker, at most"
    )
    pool_timeout: float = _setting(
        "CUSTOMERS_POOL_TIMEOUT", readers.seconds, 5.0, "wait for a free connection, then 503", "5"
    )
    connect_timeout: int = _setting(
        "CUSTOMERS_CONNECT_TIMEOUT", readers.whole(1, 60), 3, "wait for a connection to the database"
    )
    statement_timeout: float = _setting(
        "CUSTOMERS_STATEMENT_TIMEOUT", readers.seconds, 5.0, "a statement that takes longer is cancelled, then 503", "5"
    )

    secret_key: str = _setting(
        "CUSTOMERS_SECRET_KEY",
        readers.secret_key,
        "",
        "signs the cookie; at least 32 bytes; needed with `CUSTOMERS_DATABASE_URL`",
        "made and kept in the data directory",
    )
    former_secret_keys: tuple[str, ...] = _setting(
        "CUSTOMERS_FORMER_SECRET_KEYS",
        readers.secret_keys,
        (),
        "keys that still verify cookies, separated by commas, while the key is being changed",
        "none",
    )
    cookie_name: str | None = _setting(
        "CUSTOMERS_COOKIE_NAME",
        readers.cookie_name,
        None,
        "the cookie's name",
        "`__Host-customers`, or `customers` over plain HTTP",
    )
    cookie_secure: bool | None = _setting(
        "CUSTOMERS_COOKIE_SECURE",
        readers.flag,
        None,
        "`false` lets the cookie travel over plain HTTP, for development",
        "`true` with `CUSTOMERS_DATABASE_URL`",
    )
    trusted_origins: frozenset[str] = _setting(
        "CUSTOMERS_TRUSTED_ORIGINS",
        readers.origins,
        frozenset(),
        "other origins whose pages may call, separated by commas",
        "none",
    )
    trusted_proxies: int = _setting(
        "CUSTOMERS_TRUSTED_PROXIES",
        readers.whole(0, 16),
        0,
        "proxies in front whose `X-Forwarded-For` is believed; 0: the peer's address is the client's",
    )
    max_body: int = _setting("CUSTOMERS_MAX_BODY", readers.whole(1024, 2**30), 2**20, "largest request body; then 413")

    pages: bool = _setting(
        "CUSTOMERS_PAGES", readers.flag, True, "`false`: no pages for the shop's staff below `/admin`", "true"
    )

    customer_idle: int = _setting(
        "CUSTOMERS_CUSTOMER_IDLE",
        readers.whole(60, 10**9),
        24 * 3600,
        "a customer's session ends when unused for so long",
    )
    customer_lifetime: int = _setting(
        "CUSTOMERS_CUSTOMER_LIFETIME",
        readers.whole(60, 10**9),
        30 * 24 * 3600,
        "a customer's session lasts so long in all",
    )
    admin_idle: int = _setting(
        "CUSTOMERS_ADMIN_IDLE", readers.whole(60, 10**9), 3600, "an admin's session ends when unused for so long"
    )
    admin_lifetime: int = _setting(
        "CUSTOMERS_ADMIN_LIFETIME", readers.whole(60, 10**9), 12 * 3600, "an admin's session lasts so long in all"
    )
    recent_login: int = _setting(
        "CUSTOMERS_RECENT_LOGIN", readers.whole(1, 10**9), 900, "how old a login may be for sensitive changes"
    )
    reset_lifetime: int = _setting(
        "CUSTOMERS_RESET_LIFETIME", readers.whole(60, 10**6), 3600, "a password reset token lasts so long"
    )

    smtp_url: str | None = _setting(
        "CUSTOMERS_SMTP_URL",
        readers.smtp_url,
        None,
        "mail server, as `smtp://user:secret@host:587` or `smtps://…`",
        "none: with its own PostgreSQL, mails become files in the data directory; else no mail",
    )
    smtp_timeout: float = _setting("CUSTOMERS_SMTP_TIMEOUT", readers.seconds, 10.0, "wait for the mail server", "10")
    mail_from: str = _setting(
        "CUSTOMERS_MAIL_FROM",
        readers.mail_address,
        "Customers <no-reply@localhost>",
        "sender of mails; needed with `CUSTOMERS_SMTP_URL`",
    )
    mail_templates: Path | None = _setting(
        "CUSTOMERS_MAIL_TEMPLATES", readers.path, None, "folder of templates that replace the service's own", "none"
    )
    mail_sender: bool = _setting(
        "CUSTOMERS_MAIL_SENDER", readers.flag, True, "`false`: mail is sent by `flask send-mail` alone", "true"
    )
    reset_url: str = _setting(
        "CUSTOMERS_RESET_URL",
        readers.reset_url,
        "http://127.0.0.1:8000/reset-password?token={token}",
        "page behind the link in a reset mail; holds `{token}`; needed with `CUSTOMERS_SMTP_URL`",
    )

    bcrypt_rounds: int = _setting(
        "CUSTOMERS_BCRYPT_ROUNDS", readers.whole(4, 17), 12, "bcrypt's cost; each step doubles it"
    )
    hash_threads: int | None = _setting(
        "CUSTOMERS_HASH_THREADS",
        readers.whole(1, 64),
        None,
        "threads of a worker that hash passwords",
        "processors / workers, at least 1",
    )
    hash_max_wait: float = _setting(
        "CUSTOMERS_HASH_MAX_WAIT",
        readers.seconds,
        5.0,
        "a password that would wait longer to be hashed gets a 503",
        "5",
    )

    log_level: str = _setting(
        "CUSTOMERS_LOG_LEVEL",
        readers.choice("debug", "info", "warning", "error"),
        "info",
        "least severe log line to write",
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
    values: dict[str, Any] = {}
    faults: list[str] = []
    for row in fields(Settings):
        name, text = row.metadata["name"], environ.get(row.metadata["name"], "").strip()
        if text:
            try:
                values[row.name] = row.metadata["read"](text)
            except ValueError as fault:
                faults.append(f"{name} {fault}")
    names = [row.metadata["name"] for row in fields(Settings)]
    for name in environ:
        # Other unknown names are let pass: an orchestrator may set variables named after the service.
        meant = difflib.get_close_matches(name, names, n=1, cutoff=0.9)
        if name.startswith("CUSTOMERS_") and name not in names and meant:
            faults.append(f"{name} is not a setting; {meant[0]} is")
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
