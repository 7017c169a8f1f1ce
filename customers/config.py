"""Settings: one table, read once from environment variables at start. `docs/settings.md` describes the same table."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
import psycopg
from marshmallow.validate import OneOf, Range, Regexp
from psycopg.conninfo import conninfo_to_dict

from customers.errors import ConfigurationError

SECRET_KEY_BYTES = 32  # RFC 2104 section 3: a key for HMAC-SHA256 should be as long as its digest
_DAY = 24 * 3600
# RFC 6265 section 4.1.1: a token of RFC 7230.
_COOKIE_NAME = Regexp(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z", error="Not a name that a cookie may have.")
_TIMEZONE = Regexp(r"[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*\Z", error="Must be a time zone such as Europe/Berlin.")
_OWN_RESET_URL = "http://127.0.0.1:8000/reset-password?token={token}"
_RESET_URL = Regexp(r"https?://[^\s/]\S*\{token\}\S*\Z", error="Must be a URL that holds {{token}}.")


def _database_url(value: str) -> str:
    url = value.replace("postgresql+psycopg://", "postgresql://", 1)
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("Must start with postgresql://.")
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError("Not a PostgreSQL URL that libpq understands.") from None  # its own words repeat the password
    return url


def _secret_key(value: str) -> str:
    if len(value.encode()) < SECRET_KEY_BYTES:
        raise ValueError(f"Must have at least {SECRET_KEY_BYTES} bytes.")
    return value


def _secret_keys(value: str) -> tuple[str, ...]:
    return tuple(_secret_key(key) for key in _list(value))


def _origins(value: str) -> frozenset[str]:
    """Return web origins in the form in which browsers send them: lower case, without a default port."""
    found = set()
    for origin in filter(None, (part.strip().rstrip("/") for part in value.split(","))):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"Must be origins such as https://shop.example, separated by commas, not {origin!r}.")
        default = {"http": 80, "https": 443}[parts.scheme]
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        found.add(f"{parts.scheme}://{host}" + ("" if parts.port in (None, default) else f":{parts.port}"))
    return frozenset(found)


def _list(value: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in value.split(","))))


def _smtp_url(value: str) -> str:
    """Return a URL as it is. A "/", "?" or "#" in a password that is not escaped would end the host."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0
    except ValueError:  # its own words repeat the password
        good = False
    if not good or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("Must be a URL such as smtp://user:secret@host:587 or smtps://host; escape / as %2F.")
    return value


def _mail_from(value: str) -> str:
    address = parseaddr(value)[1]
    if not (re.fullmatch(r"[!-~]+@[!-~]+", address) and value.isprintable()):
        raise ValueError("Must be an address such as Shop <no-reply@shop.example>.")
    return value


def _folder(value: str) -> Path:
    if not Path(value).is_dir():
        raise ValueError("Not a directory.")
    return Path(value)


def _processors(cpu_max: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return how many processors this process may use, by its affinity and its container's limit (cgroup v2)."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cpu_max.read_text().split()
        return max(1, min(available, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return available


def _setting(name: str, read: Callable[[str], Any], default: Any, *, secret: bool = False) -> Any:
    """Return a dataclass field: a row of the table. ``read`` makes a text its value, or raises what load() catches."""
    return field(default=default, repr=not secret, metadata={"name": name, "read": read})


def _whole(low: int, high: int) -> Callable[[str], Any]:
    return ma.fields.Integer(validate=Range(low, high)).deserialize


_FLAG = ma.fields.Boolean().deserialize
_SECONDS = ma.fields.Float(validate=Range(0.01, 3600.0)).deserialize
_LIFETIME = _whole(60, 10**9)
_COUNT = _whole(0, 10**6)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Durations are in seconds, sizes in bytes; a limit of 0 is off."""

    # Serving
    host: str = _setting("HOST", str, "127.0.0.1")
    port: int = _setting("PORT", _whole(1, 65535), 8000)
    workers: int = _setting("CUSTOMERS_WORKERS", _whole(1, 256), _processors())
    threads: int = _setting("CUSTOMERS_THREADS", _whole(1, 1024), 16)
    trusted_origins: frozenset[str] = _setting("CUSTOMERS_TRUSTED_ORIGINS", _origins, frozenset())
    trusted_proxies: int = _setting("CUSTOMERS_TRUSTED_PROXIES", _whole(0, 16), 0)
    max_body: int = _setting("CUSTOMERS_MAX_BODY", _whole(1024, 2**30), 2**20)
    pages: bool = _setting("CUSTOMERS_PAGES", _FLAG, True)
    docs: bool = _setting("CUSTOMERS_DOCS", _FLAG, True)

    # The database
    database_url: str = _setting("CUSTOMERS_DATABASE_URL", _database_url, "", secret=True)
    prepared_statements: bool = _setting("CUSTOMERS_PREPARED_STATEMENTS", _FLAG, True)
    database_timeout: float = _setting("CUSTOMERS_DATABASE_TIMEOUT", _SECONDS, 6.0)

    # Sessions
    secret_key: str = _setting("CUSTOMERS_SECRET_KEY", _secret_key, "", secret=True)
    former_secret_keys: tuple[str, ...] = _setting("CUSTOMERS_FORMER_SECRET_KEYS", _secret_keys, (), secret=True)
    cookie_name: str = _setting("CUSTOMERS_COOKIE_NAME", _COOKIE_NAME, "")
    cookie_secure: bool = _setting("CUSTOMERS_COOKIE_SECURE", _FLAG, True)
    customer_idle: int = _setting("CUSTOMERS_CUSTOMER_IDLE", _LIFETIME, _DAY)
    customer_lifetime: int = _setting("CUSTOMERS_CUSTOMER_LIFETIME", _LIFETIME, 30 * _DAY)
    admin_idle: int = _setting("CUSTOMERS_ADMIN_IDLE", _LIFETIME, 3600)
    admin_lifetime: int = _setting("CUSTOMERS_ADMIN_LIFETIME", _LIFETIME, 12 * 3600)
    recent_login: int = _setting("CUSTOMERS_RECENT_LOGIN", _whole(1, 10**9), 900)
    max_sessions: int = _setting("CUSTOMERS_MAX_SESSIONS", _whole(1, 10**4), 100)

    # Passwords
    bcrypt_rounds: int = _setting("CUSTOMERS_BCRYPT_ROUNDS", _whole(4, 14), 12)
    hash_threads: int = _setting("CUSTOMERS_HASH_THREADS", _whole(0, 64), 0)

    # Limits
    limit_free_attempts: int = _setting("CUSTOMERS_LIMIT_FREE_ATTEMPTS", _COUNT, 5)
    limit_longest_pause: int = _setting("CUSTOMERS_LIMIT_LONGEST_PAUSE", _whole(1, _DAY), 900)
    limit_network_failures: int = _setting("CUSTOMERS_LIMIT_NETWORK_FAILURES", _COUNT, 30)
    limit_account_failures: int = _setting("CUSTOMERS_LIMIT_ACCOUNT_FAILURES", _COUNT, 100)
    limit_registrations: int = _setting("CUSTOMERS_LIMIT_REGISTRATIONS", _COUNT, 20)
    limit_email_changes: int = _setting("CUSTOMERS_LIMIT_EMAIL_CHANGES", _COUNT, 5)
    limit_writes: int = _setting("CUSTOMERS_LIMIT_WRITES", _COUNT, 120)
    limit_reset_requests: int = _setting("CUSTOMERS_LIMIT_RESET_REQUESTS", _COUNT, 10)

    # Mail
    smtp_url: str = _setting("CUSTOMERS_SMTP_URL", _smtp_url, "", secret=True)
    smtp_timeout: float = _setting("CUSTOMERS_SMTP_TIMEOUT", _SECONDS, 10.0)
    mail_directory: Path | None = _setting("CUSTOMERS_MAIL_DIRECTORY", Path, None)
    mail_from: str = _setting("CUSTOMERS_MAIL_FROM", _mail_from, "Customers <no-reply@localhost>")
    mail_templates: Path | None = _setting("CUSTOMERS_MAIL_TEMPLATES", _folder, None)
    mail_sender: bool = _setting("CUSTOMERS_MAIL_SENDER", _FLAG, True)
    reset_url: str = _setting("CUSTOMERS_RESET_URL", _RESET_URL, _OWN_RESET_URL)
    reset_lifetime: int = _setting("CUSTOMERS_RESET_LIFETIME", _whole(60, 10**6), 3600)

    # A running EverShop beside this service
    evershop_cookie_secrets: tuple[str, ...] = _setting("CUSTOMERS_EVERSHOP_COOKIE_SECRETS", _list, (), secret=True)
    evershop_weak_secrets: bool = _setting("CUSTOMERS_EVERSHOP_WEAK_SECRETS", _FLAG, False)
    evershop_cookie_name: str = _setting("CUSTOMERS_EVERSHOP_COOKIE_NAME", _COOKIE_NAME, "sid")
    evershop_admin_cookie_name: str = _setting("CUSTOMERS_EVERSHOP_ADMIN_COOKIE_NAME", _COOKIE_NAME, "asid")
    evershop_timezone: str = _setting("CUSTOMERS_EVERSHOP_TIMEZONE", _TIMEZONE, "UTC")

    # Logs
    log_level: str = _setting("CUSTOMERS_LOG_LEVEL", OneOf(("debug", "info", "warning", "error")), "info")
    log_format: str = _setting("CUSTOMERS_LOG_FORMAT", OneOf(("auto", "json", "text")), "auto")

    @property
    def cookie(self) -> str:
        """The cookie's name. Browsers take one with ``__Host-`` from this host alone, and over HTTPS alone."""
        return self.cookie_name or ("__Host-customers" if self.cookie_secure else "customers")

    def session_times(self, kind: str) -> tuple[int, int]:
        """Return after how many seconds a session of a kind of account ends: without a request, and in any case."""
        if kind == "admin":
            return self.admin_idle, self.admin_lifetime
        return self.customer_idle, self.customer_lifetime

    @property
    def hashing_threads(self) -> int:
        """How many threads of one worker hash passwords: by default the processors, shared by the workers."""
        return self.hash_threads or max(1, _processors() // self.workers)

    @property
    def hashing_places(self) -> int:
        """How many requests of one worker may hash or wait for it: some threads stay free for other requests."""
        return max(1, self.threads * 3 // 4)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables; a blank one counts as unset. Raises ConfigurationError."""
    rows = {row.metadata["name"]: row for row in fields(Settings)}
    given = {name: environ[name].strip() for name in rows if environ.get(name, "").strip()}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in given.items():
        try:
            values[rows[name].name] = rows[name].metadata["read"](value)
        except (ma.ValidationError, ValueError) as fault:
            faults.append(f"{name}: {' '.join(map(str, getattr(fault, 'messages', [fault])))}")

    needed = {"CUSTOMERS_DATABASE_URL", "CUSTOMERS_SECRET_KEY"}
    if "CUSTOMERS_SMTP_URL" in given:
        needed |= {"CUSTOMERS_MAIL_FROM", "CUSTOMERS_RESET_URL"}
    weak = [
        key for key in values.get("evershop_cookie_secrets", ()) if len(key.encode(errors="replace")) < SECRET_KEY_BYTES
    ]
    if weak and not values.get("evershop_weak_secrets"):
        faults.append(
            f"CUSTOMERS_EVERSHOP_COOKIE_SECRETS: Each must have at least {SECRET_KEY_BYTES} bytes, which EverShop's"
            " default, keyboard cat, has not; CUSTOMERS_EVERSHOP_WEAK_SECRETS=true takes them all the same."
        )
    faults += [f"{name}: Missing." for name in sorted(needed - set(given))]
    for name in sorted(set(environ) - set(rows)):
        # Only what looks like a slip of the pen: an orchestrator may set variables named after the service.
        meant = difflib.get_close_matches(name, rows, n=1, cutoff=0.9)
        if name.startswith("CUSTOMERS_") and meant:
            faults.append(f"{name} is not a setting; {meant[0]} is.")
    settings = Settings(**values)
    cookies = {settings.cookie, settings.evershop_cookie_name, settings.evershop_admin_cookie_name}
    if settings.evershop_cookie_secrets and len(cookies) < 3:
        faults.append("CUSTOMERS_COOKIE_NAME and the names of EverShop's two cookies: Must be three names.")
    if faults:
        raise ConfigurationError(faults)
    return settings
