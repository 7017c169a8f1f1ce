"""What a text, an e-mail address, a password, a status may be (CONTRACT section 3), a function each.

Each returns the value as it is kept, or raises ValidationError. The fields of the schemas stand on these, and so does
the import, which has no time for a schema a row.
"""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, validate

from customers import passwords

EMAIL_CHARACTERS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
TEXT_CHARACTERS = 255
STATUSES = ("0", "1", 0, 1)

# What PostgreSQL refuses in a text: NUL, and the halves of surrogate pairs, which no UTF-8 can carry.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
UNSTORABLE = "Must not contain NUL characters or lone surrogates."

# For the OpenAPI document: a text that can be stored, and one that is more than blanks. The blanks are those that
# str.strip() takes; what \s means differs between languages. A pattern cannot tell of lone surrogates.
STORABLE_PATTERN = r"^[^\u0000]*$"
_BLANKS = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NOT_BLANK_PATTERN = rf"^[^\u0000]*[^\u0000{_BLANKS}][^\u0000]*$"

# What marshmallow takes and HTML does not: a quoted name, and the number of a machine in place of a domain.
_QUOTED = re.compile(r'["\[\]]')

_check_address = validate.Email()
_check_length = validate.Length(max=EMAIL_CHARACTERS)


def is_storable(value: str) -> bool:
    """Return whether a database column can hold a text."""
    return not _UNSTORABLE.search(value)


def text(value: str, *, shortest: int = 0, longest: int = TEXT_CHARACTERS) -> str:
    """Return a text trimmed, of a length in between."""
    if not is_storable(value):
        raise ValidationError(UNSTORABLE)
    value = value.strip()
    if not shortest <= len(value) <= longest:
        validate.Length(min=shortest or None, max=longest)(value)  # has the words
    return value


def email(value: str) -> str:
    """Return an e-mail address as HTML's `<input type=email>` knows it, trimmed.

    ASCII, so that case means the same to every database; kept as typed.
    """
    value = value.strip()
    if not value.isascii() or not value.isprintable() or _QUOTED.search(value):
        raise ValidationError(_check_address.error)
    _check_address(value)
    _check_length(value)
    return value


def new_password(value: str) -> str:
    """Return a password, never trimmed: long enough, not longer than bcrypt reads, not a common one."""
    if not is_storable(value):
        raise ValidationError(UNSTORABLE)
    if len(value) < passwords.MIN_CHARACTERS:
        raise ValidationError(f"Must have at least {passwords.MIN_CHARACTERS} characters.")
    if len(value.encode()) > passwords.MAX_BYTES:
        raise ValidationError(f"Must have at most {passwords.MAX_BYTES} bytes in UTF-8.")
    if passwords.is_common(value):
        raise ValidationError("This password is one of the most common ones; choose another.")
    return value


def status(value: Any) -> int:
    """Return a status, exactly "0", "1", 0 or 1, as an integer."""
    # By type too, because True == 1 == 1.0.
    if type(value) not in (str, int) or value not in STATUSES:
        raise ValidationError('Must be one of "0", "1", 0, 1.')
    return int(value)


def moment(value: Any) -> datetime:
    """Return a time in ISO 8601, in UTC: a date is its midnight, a time without an offset is in UTC."""
    try:
        read = datetime.fromisoformat(value.replace("\0", "?"))  # by itself Python reads over one at the end
        # Here, because the edges of the calendar have no counterpart in UTC.
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise ValidationError("Not a time in ISO 8601, such as 2026-01-31T12:00:00Z.") from None
