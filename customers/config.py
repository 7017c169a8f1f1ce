"""Settings: one table, read from the environment once, at start.

Each field of :class:`Settings` names its environment variable, how it is read, and what it is for. The README's table
is checked against this one by a test.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict

# RFC 7518 section 3.2 asks of an HMAC key what RFC 2104 advises: at least as many bytes as a SHA-256 digest.
SECRET_KEY_BYTES = 32


class ConfigurationError(click.ClickException):
    """The environment cannot be started from; the message lists every fault, a line each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the configuration cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


def _text(value: str) -> str:
    return value


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    return read


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0.01 <= seconds <= 3600:
        raise ValueError(f"must be seconds, from 0.01 to 3600, not {value!r}")
    return seconds


def _flag(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError(f"must be true or false, not {value!r}")
    return words[value.lower()]


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value.lower()

    return read


def _path(value: str) -> Path:
    return Path(value).expanduser()


def _database_url(value: str) -> str:
    # The value holds a password: it is never repeated in a message.
    url = value.replace("postgresql+psycopg://", "postgresql://", 1)
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError("is not a PostgreSQL URL that libpq understands") from None
    return url


def _secret_keys(value: str) -> tuple[str, ...]:
    keys = tuple(key for key in (part.strip() for part in value.split(",")) if key)
    if any(len(key.encode()) < SECRET_KEY_BYTES for key in keys):
        raise ValueError(f"must be at least {SECRET_KEY_BYTES} bytes each")
    return keys


def _secret_key(value: str) -> str:
    if len(value.encode()) < SECRET_KEY_BYTES:
        raise ValueError(f"must be at least {SECRET_KEY_BYTES} bytes")
    return value


def _cookie_name(value: str) -> str:
    # RFC 6265 section 4.1.1: a cookie's name is an RFC 7230 token.
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value):
        raise ValueError(f"must be a cookie name, not {value!r}")
    return value


def _origins(value: str) -> frozenset[str]:
    origins = [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()]
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"must be origins such as https://shop.example, separated by commas, not {origin!r}")
    return frozenset(origin.lower() for origin in origins)


def _setting(name: str, read: Callable[[str], Any], default: Any, about: str, shown: str | None = None) -> Any:
    """Return a dataclass field: a row of the table. ``shown`` is the default as a person would say it."""
    secret = read in (_database_url, _secret_key, _secret_keys)
    metadata = {"name": name, "read": read, "about": about, "shown": str(default) if shown is None else shown}
    return field(default=default, repr=not secret, metadata=metadata)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked. Durations are in seconds, sizes in bytes."""

    host: str = _setting("HOST", _text, "127.0.0.1", "address to listen on")
    port: int = _setting("PORT", _whole(1, 65535), 8000, "port to listen on")
    workers: int = _setting(
        "CUSTOMERS_WORKERS", _whole(1, 256), _processors(), "worker processes", "the number of processors"
    )
    threads: int = _setting("CUSTOMERS_THREADS", _whole(1, 1024), 64, "threads of a worker, each serving one request")

    database_url: str | None = _setting(
        "CUSTOMERS_DATABASE_URL",
        _database_url,
        None,
        "PostgreSQL 15 or later, as `postgresql://user:password@host/database`",
        "its own PostgreSQL",
    )
    data_dir: Path = _setting(
        "CUSTOMERS_DATA_DIR", _path, Path(".data"), "where the service's own PostgreSQL and its secret key live"
    )
    pool_size: int = _setting("CUSTOMERS_POOL_SIZE", _whole(1, 1000), 10, "database connections of a worker, at most")
    pool_timeout: float = _setting("CUSTOMERS_POOL_TIMEOUT", _seconds, 5.0, "wait for a free connection, then 503", "5")
    connect_timeout: int = _setting("CUSTOMERS_CONNECT_TIMEOUT", _whole(1, 60), 3, "wait for the database to answer")
    statement_timeout: float = _setting(
        "CUSTOMERS_STATEMENT_TIMEOUT", _seconds, 5.0, "a statement that takes longer is cancelled, then 503", "5"
    )

    secret_key: str = _setting(
        "CUSTOMERS_SECRET_KEY",
        _secret_key,
        "",
        "signs the cookie; at least 32 bytes; needed with `CUSTOMERS_DATABASE_URL`",
        "made and kept in the data directory",
    )
    former_secret_keys: tuple[str, ...] = _setting(
        "CUSTOMERS_FORMER_SECRET_KEYS",
        _secret_keys,
        (),
        "keys that still verify cookies, separated by commas, while the key is being changed",
        "none",
    )
    cookie_name: str | None = _setting(
        "CUSTOMERS_COOKIE_NAME",
        _cookie_name,
        None,
        "the cookie's name",
        "`__Host-customers`, or `customers` over plain HTTP",
    )
    cookie_secure: bool | None = _setting(
        "CUSTOMERS_COOKIE_SECURE",
        _flag,
        None,
        "`false` lets the cookie travel over plain HTTP, for development",
        "`true` with `CUSTOMERS_DATABASE_URL`",
    )
    trusted_origins: frozenset[str] = _setting(
        "CUSTOMERS_TRUSTED_ORIGINS",
        _origins,
        frozenset(),
        "other origins whose pages may call with the cookie, separated by commas",
        "none",
    )
    trusted_proxies: int = _setting(
        "CUSTOMERS_TRUSTED_PROXIES",
        _whole(0, 16),
        0,
        "proxies in front whose `X-Forwarded-For` is believed; 0: the peer's address is the client's",
    )
    max_body: int = _setting("CUSTOMERS_MAX_BODY", _whole(1024, 2**30), 2**20, "largest request body; then 413")

    customer_idle: int = _setting(
        "CUSTOMERS_CUSTOMER_IDLE", _whole(60, 10**9), 24 * 3600, "a customer's session ends when unused for so long"
    )
    customer_lifetime: int = _setting(
        "CUSTOMERS_CUSTOMER_LIFETIME", _whole(60, 10**9), 30 * 24 * 3600, "a customer's session lasts so long in all"
    )
    admin_idle: int = _setting(
        "CUSTOMERS_ADMIN_IDLE", _whole(60, 10**9), 3600, "an admin's session ends when unused for so long"
    )
    admin_lifetime: int = _setting(
        "CUSTOMERS_ADMIN_LIFETIME", _whole(60, 10**9), 12 * 3600, "an admin's session lasts so long in all"
    )
    recent_login: int = _setting(
        "CUSTOMERS_RECENT_LOGIN", _whole(1, 10**9), 900, "how old a login may be for sensitive changes"
    )
    reset_lifetime: int = _setting(
        "CUSTOMERS_RESET_LIFETIME", _whole(60, 10**6), 3600, "a password reset token lasts so long"
    )

    bcrypt_rounds: int = _setting("CUSTOMERS_BCRYPT_ROUNDS", _whole(4, 17), 12, "bcrypt's cost; each step doubles it")
    hash_threads: int | None = _setting(
        "CUSTOMERS_HASH_THREADS",
        _whole(1, 64),
        None,
        "threads of a worker that hash passwords",
        "processors / workers, at least 1",
    )
    hash_max_wait: float = _setting(
        "CUSTOMERS_HASH_MAX_WAIT", _seconds, 5.0, "a password that would wait longer to be hashed gets a 503", "5"
    )

    log_level: str = _setting(
        "CUSTOMERS_LOG_LEVEL", _choice("debug", "info", "warning", "error"), "info", "least severe log line to write"
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
        return self.hash_threads or max(1, _processors() // self.workers)


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
    if environ.get("CUSTOMERS_DATABASE_URL", "").strip() and not environ.get("CUSTOMERS_SECRET_KEY", "").strip():
        faults.append(
            "CUSTOMERS_SECRET_KEY is needed with CUSTOMERS_DATABASE_URL; "
            'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    if faults:
        raise ConfigurationError(faults)
    return Settings(**values)
