"""What an e-mail, a name, a password, a country, a time may be, a function each.

Each returns the value as it is stored, or raises marshmallow's ValidationError.
"""

import functools
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import idna
from marshmallow import ValidationError, validate

EMAIL_CHARACTERS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
TEXT_CHARACTERS = 255
PASSWORD_CHARACTERS = 8
PASSWORD_BYTES = 72  # bcrypt reads no further
STATUSES = ("0", "1", 0, 1)
LARGEST_ID = 2**31 - 1  # of an int column
UNSTORABLE = "Must not contain NUL characters or lone surrogates."

# What PostgreSQL refuses in a text: NUL, and halves of surrogate pairs, which UTF-8 cannot encode.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Characters of a letter's or symbol's category that show nothing: Hangul fillers and the Braille blank.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# What marshmallow takes and HTML's <input type=email> does not: a quoted name, and an IP address as the domain.
_QUOTED = re.compile(r'["\[\]]')
_check_email = validate.Email()


def is_storable(value: Any) -> bool:
    """Return whether PostgreSQL can store every string in a JSON value, names included."""
    if isinstance(value, str):
        return not _UNSTORABLE.search(value)
    waiting = [value]  # without recursion: the value may be nested deeper than functions can be
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and _UNSTORABLE.search(item):
            return False
    return True


def text(value: str, *, shortest: int = 0, longest: int = TEXT_CHARACTERS) -> str:
    """Return a text in Unicode form NFC, trimmed; with ``shortest``, one of its characters must be visible."""
    if not is_storable(value):
        raise ValidationError(UNSTORABLE)
    value = unicodedata.normalize("NFC", value).strip()
    if len(value) > longest:
        raise ValidationError(f"Longer than maximum length {longest}.")
    if len(value) < shortest or (shortest and not is_visible(value)):
        raise ValidationError("Must not be blank.")
    return value


def is_visible(value: str) -> bool:
    """Return whether a text has a character that shows something."""
    # Letters, numbers, punctuation and symbols; neither blanks, controls and format characters nor marks alone.
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _FILLERS for char in value)


def email(value: str) -> str:
    """Return an e-mail trimmed and as typed, an international domain in ASCII (IDNA 2008, UTS 46, as in browsers)."""
    value = with_ascii_domain(value.strip())
    if not value.isascii() or not value.isprintable() or _QUOTED.search(value):
        raise ValidationError(_check_email.error)
    _check_email(value)
    if len(value) > EMAIL_CHARACTERS:
        raise ValidationError(f"Longer than maximum length {EMAIL_CHARACTERS}.")
    return value


def searched_email(value: str) -> str:
    """Return what may be an e-mail to look for, with its domain in ASCII, as it is stored."""
    return with_ascii_domain(text(value, shortest=1))


def with_ascii_domain(value: str) -> str:
    """Return what may be an e-mail with an international domain in ASCII; what is none, as it is."""
    name, at, domain = value.rpartition("@")
    try:
        return value if not at or domain.isascii() else name + at + idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return value


def password(value: str) -> str:
    """Return a password as typed, never trimmed: what a login is tried with."""
    if not is_storable(value):
        raise ValidationError(UNSTORABLE)
    return value


def new_password(value: str) -> str:
    """Return a password in form NFC, never trimmed: long enough, not longer than bcrypt reads, not a common one."""
    value = unicodedata.normalize("NFC", password(value))
    if len(value) < PASSWORD_CHARACTERS:
        raise ValidationError(f"Must have at least {PASSWORD_CHARACTERS} characters.")
    if len(value.encode()) > PASSWORD_BYTES:
        raise ValidationError(f"Must have at most {PASSWORD_BYTES} bytes in UTF-8.")
    if value.lower() in _common_passwords():
        raise ValidationError("This password is one of the most common ones; choose another.")
    return value


@functools.cache
def _common_passwords() -> frozenset[str]:
    """Return the passwords among the 30,000 most used that are long enough (ASVS 5.0, 6.2.4)."""
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())


def status(value: Any) -> int:
    """Return a status, exactly "0", "1", 0 or 1, as an integer."""
    # By type too, because True == 1 == 1.0.
    if type(value) not in (str, int) or value not in STATUSES:
        raise ValidationError('Must be one of "0", "1", 0, 1.')
    return int(value)


def flag(value: Any) -> bool:
    """Return a boolean: true, false, 1 or 0, and nothing else."""
    if type(value) not in (bool, int) or value not in (0, 1):
        raise ValidationError("Must be true, false, 0 or 1.")
    return bool(value)


def country(value: str, *, shortest: int = 1) -> str:
    """Return a country's two letters (ISO 3166-1 alpha-2) in upper case; with ``shortest`` 0, a blank as well."""
    code = text(value, shortest=shortest)
    # Letters first and upper case after: that of "ß" is two letters.
    if code and not re.fullmatch("[A-Za-z]{2}", code):
        raise ValidationError("Must be two letters.")
    return code.upper()


def whole_number(value: Any, low: int, high: int) -> int:
    """Return a whole number in plain decimal digits, as a query string or a JSON body has it."""
    if type(value) not in (str, int) or not re.fullmatch(r"[0-9]{1,12}", str(value)):
        raise ValidationError("Not a valid integer.")
    if not low <= int(value) <= high:
        raise ValidationError(f"Must be greater than or equal to {low} and less than or equal to {high}.")
    return int(value)


_DATE_WITH_MORE = re.compile(r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}(?:-?[0-9])?)(?P<rest>.*)", re.DOTALL)
_TIME = re.compile(r"[T ][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]{1,9})?)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?")


def moment(value: Any) -> datetime:
    """Return an ISO 8601 time in UTC: a date is its midnight, a time without an offset is in UTC."""
    try:
        whole = _DATE_WITH_MORE.fullmatch(value)
        if whole and (not whole["rest"] or _TIME.fullmatch(whole["rest"])):
            read = datetime.fromisoformat(value)
            # Here, because the edges of the calendar have no counterpart in UTC.
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValidationError("Not a time in ISO 8601, such as 2026-01-31T12:00:00Z.")
