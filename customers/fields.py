"""The fields that every schema is built of; what a value may be is in rules.py."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import EXCLUDE, INCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate
from werkzeug.routing import BaseConverter

from customers import passwords, rules

LARGEST_ID = 2**31 - 1  # of an int column


class Text(fields.String):
    """A text that is trimmed before its length is checked."""

    def __init__(self, *, shortest: int = 0, longest: int = rules.TEXT_CHARACTERS, **kwargs: Any) -> None:
        self._shortest, self._longest = shortest, longest
        lengths = {"maxLength": longest} | ({"minLength": shortest} if shortest else {})
        pattern = rules.NOT_BLANK_PATTERN if shortest else rules.STORABLE_PATTERN
        super().__init__(metadata={**lengths, "pattern": pattern, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return rules.text(text, shortest=self._shortest, longest=self._longest)


class Email(fields.String):
    """An e-mail address; kept as typed."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "email", "maxLength": rules.EMAIL_CHARACTERS, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return rules.email(super()._deserialize(value, attr, data, **kwargs))


class Password(fields.String):
    """A password as typed, never trimmed: what a login is tried with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": rules.STORABLE_PATTERN, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not rules.is_storable(text):
            raise ValidationError(rules.UNSTORABLE)
        return text


class NewPassword(fields.String):
    """A password that an account is given."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "minLength": passwords.MIN_CHARACTERS,
            "maxLength": passwords.MAX_BYTES,
            "pattern": rules.STORABLE_PATTERN,
            **kwargs.pop("metadata", {}),
        }
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return rules.new_password(super()._deserialize(value, attr, data, **kwargs))


class Status(fields.Field[int]):
    """Exactly "0", "1", 0 or 1; an integer from then on."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": ["string", "integer"], "enum": list(rules.STATUSES), **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        return rules.status(value)


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
        forms = [{"type": "string", "format": form} for form in ("date-time", "date")]
        metadata = {"anyOf": forms, "example": "2026-01-31T12:00:00Z", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        return rules.moment(value)


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


class Changes(OpenBody):
    """The body of a PATCH: it must name something that can be changed, and is documented to."""


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
