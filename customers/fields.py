"""What a text, an e-mail address, a password, a status may be (CONTRACT section 3). Every schema is built of these."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import EXCLUDE, INCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate
from werkzeug.routing import BaseConverter

from customers import passwords

EMAIL_CHARACTERS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
TEXT_CHARACTERS = 255
LARGEST_ID = 2**31 - 1  # of an int column

# What PostgreSQL refuses in a text: NUL, and the halves of surrogate pairs, which no UTF-8 can carry.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
UNSTORABLE = "Must not contain NUL characters or lone surrogates."


def is_storable(text: str) -> bool:
    """Return whether a database column can hold a text."""
    return not _UNSTORABLE.search(text)


class Text(fields.String):
    """A text that is trimmed before its length is checked."""

    def __init__(self, *, shortest: int = 0, longest: int = TEXT_CHARACTERS, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=shortest or None, max=longest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not is_storable(text):
            raise ValidationError(UNSTORABLE)
        return text.strip()


class Email(fields.Email):
    """An e-mail address as HTML's `<input type=email>` knows it: ASCII, so that case means the same to every database.

    Trimmed; kept as typed.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=EMAIL_CHARACTERS), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs).strip()
        if not text.isascii() or not text.isprintable():
            raise self.make_error("invalid")
        return text


class Password(fields.String):
    """A password as typed, never trimmed: what a login is tried with."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not is_storable(text):
            raise ValidationError(UNSTORABLE)
        return text


class NewPassword(Password):
    """A password that an account is given: long enough, not longer than bcrypt reads, not a common one."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "minLength": passwords.MIN_CHARACTERS,
            "maxLength": passwords.MAX_BYTES,
            **kwargs.pop("metadata", {}),
        }
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        password = super()._deserialize(value, attr, data, **kwargs)
        if len(password) < passwords.MIN_CHARACTERS:
            raise ValidationError(f"Must have at least {passwords.MIN_CHARACTERS} characters.")
        if len(password.encode()) > passwords.MAX_BYTES:
            raise ValidationError(f"Must have at most {passwords.MAX_BYTES} bytes in UTF-8.")
        if passwords.is_common(password):
            raise ValidationError("This password is one of the most common ones; choose another.")
        return password


class Status(fields.Field[int]):
    """Exactly "0", "1", 0 or 1; an integer from then on."""

    CHOICES = ("0", "1", 0, 1)

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": ["string", "integer"], "enum": list(self.CHOICES), **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        # By type too, because True == 1 == 1.0.
        if type(value) not in (str, int) or value not in self.CHOICES:
            raise ValidationError('Must be one of "0", "1", 0, 1.')
        return int(value)


class Number(fields.Integer):
    """A whole number in a query string, in plain decimal digits."""

    def __init__(self, *, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(low, high), **kwargs)

    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", str(value)):
            raise self.make_error("invalid", input=value)
        return int(value)


class Moment(fields.Field[datetime]):
    """A time in a query string, in ISO 8601: a date is its midnight, a time without an offset is in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": "string", "example": "2026-01-31T12:00:00Z", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            # Here, because the edges of the calendar have no counterpart in UTC.
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("Not a time in ISO 8601, such as 2026-01-31T12:00:00Z.") from None


class Timestamp(fields.Field[datetime]):
    """A time in an answer: `YYYY-MM-DD HH:MM:SS`, in UTC. An existing shop's row may have none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            metadata={"type": ["string", "null"], "example": "2026-01-31 12:00:00", "description": "In UTC"}, **kwargs
        )

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class OpenBody(Schema):
    """A request body whose unknown properties are accepted and ignored, and documented to be."""

    class Meta:
        unknown = INCLUDE

    @post_load
    def drop_unknown(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Keep what the schema declares."""
        return {name: value for name, value in data.items() if name in self.fields}


class Body(Schema):
    """A request body whose documentation says nothing of unknown properties: they are ignored."""

    class Meta:
        unknown = EXCLUDE


class Nothing(Schema):
    """No data."""


class DoneAnswer(Schema):
    """It is done; there is nothing to say."""

    data = fields.Nested(Nothing, required=True)


class Query(Schema):
    """A query string; an unknown parameter is refused rather than silently dropped."""

    class Meta:
        unknown = RAISE


ME = "me"


class AnyUUID(BaseConverter):
    """A uuid in a path, with or without dashes, in either case."""

    regex = "[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"

    def to_python(self, value: str) -> UUID:
        """Return the uuid."""
        return UUID(value)

    def to_url(self, value: UUID) -> str:
        """Return the uuid with dashes."""
        return str(value)


class CustomerUUID(AnyUUID):
    """The place of a customer in a path: a uuid, or `me`, which the route's decorator turns into the caller's own."""

    regex = f"{ME}|{AnyUUID.regex}"

    def to_python(self, value: str) -> UUID | str:  # type: ignore[override]  # BaseConverter says Any
        """Return the uuid, or `me`."""
        return value if value == ME else UUID(value)
