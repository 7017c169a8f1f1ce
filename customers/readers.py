"""How the values of environment variables are read: each reader returns the value, or raises ValueError saying why not.

A message is put behind the variable's name. It repeats the value unless that is a secret.
"""

import math
import re
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

# RFC 7518 section 3.2 asks of an HMAC key what RFC 2104 advises: at least as many bytes as a SHA-256 digest.
SECRET_KEY_BYTES = 32

NOWHERE = ("", 0)


def text(value: str) -> str:
    """Return a text as it is."""
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    return read


def seconds(value: str) -> float:
    """Return a duration in seconds, which may have a fraction."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0.01 <= seconds <= 3600:
        raise ValueError(f"must be seconds, from 0.01 to 3600, not {value!r}")
    return seconds


def address(value: str) -> tuple[str, int]:
    """Return an address to listen on; NOWHERE where that is switched off."""
    if value.lower() == "off":
        return NOWHERE
    host, _, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"must be an address such as 127.0.0.1:9464, or off, not {value!r}")
    return host, int(port)


def flag(value: str) -> bool:
    """Return a boolean by any of its names."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError(f"must be true or false, not {value!r}")
    return words[value.lower()]


def choice(*choices: str) -> Callable[[str], str]:
    """Return a reader of one word of a few."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value.lower()

    return read


def path(value: str) -> Path:
    """Return a path."""
    return Path(value).expanduser()


def database_url(value: str) -> str:
    """Return a PostgreSQL URL, as libpq takes it."""
    # The value holds a password: it is never repeated in a message.
    url = value.replace("postgresql+psycopg://", "postgresql://", 1)
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError("is not a PostgreSQL URL that libpq understands") from None
    return url


def secret_keys(value: str) -> tuple[str, ...]:
    """Return secret keys that are separated by commas."""
    keys = tuple(key for key in (part.strip() for part in value.split(",")) if key)
    if any(len(key.encode()) < SECRET_KEY_BYTES for key in keys):
        raise ValueError(f"must be at least {SECRET_KEY_BYTES} bytes each")
    return keys


def secret_key(value: str) -> str:
    """Return a secret key that is long enough."""
    if len(value.encode()) < SECRET_KEY_BYTES:
        raise ValueError(f"must be at least {SECRET_KEY_BYTES} bytes")
    return value


def cookie_name(value: str) -> str:
    """Return a name that a cookie may have."""
    # RFC 6265 section 4.1.1: a cookie's name is an RFC 7230 token.
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value):
        raise ValueError(f"must be a cookie name, not {value!r}")
    return value


def origins(value: str) -> frozenset[str]:
    """Return web origins that are separated by commas, in lower case."""
    origins = [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()]
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"must be origins such as https://shop.example, separated by commas, not {origin!r}")
    return frozenset(origin.lower() for origin in origins)


def smtp_url(value: str) -> str:
    """Return the URL of a mail server."""
    # The value may hold a password: it is never repeated in a message.
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be a URL such as smtp://user:secret@host:587 or smtps://host")
    return value


def mail_address(value: str) -> str:
    """Return the sender of mails: an address, with or without a name."""
    if "@" not in parseaddr(value)[1] or not value.isprintable():
        raise ValueError(f"must be an address such as Shop <no-reply@shop.example>, not {value!r}")
    return value


def reset_url(value: str) -> str:
    """Return the URL of the page that a reset mail links to, with a place for the token."""
    if not value.startswith(("http://", "https://")) or "{token}" not in value:
        raise ValueError(f"must be a URL that holds {{token}}, not {value!r}")
    return value
