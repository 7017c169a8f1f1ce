"""The fields that every schema is built of. What a value may be is in rules.py."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import EXCLUDE, INCLUDE, RAISE, Schema, fields, post_load
from werkzeug.routing import BaseConverter

from customers import rules
from customers.security.authorization import ME

# For the OpenAPI document: a text that can be stored, and one that is more than blanks. The blanks are those that
# str.strip() takes; what \s means differs between languages. A pattern cannot tell of lone surrogates.
_STORABLE = r"^[^\u0000]*$"
_BLANKS = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOT_BLANK = rf"^[^\u0000]*[^\u0000{_BLANKS}][^\u0000]*$"
# Generators of clients cannot read an enumeration of mixed types, nor two whose values have the same digits.
_ZERO_OR_ONE = {"type": "integer", "enum": [0, 1]}
_ZERO_OR_ONE_AS_TEXT = [{"type": "string", "const": text} for text in ("0", "1")]


class _Ruled(fields.String):
    """A text that a rule takes, documented with what JSON Schema can say of the rule."""

    def __init__(self, rule: Callable[[str], str], documented: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(metadata={**documented, **kwargs.pop("metadata", {})}, **kwargs)
        self._rule = rule

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return self._rule(super()._deserialize(value, attr, data, **kwargs))


class Text(_Ruled):
    """A text that is trimmed before its length is checked."""

    def __init__(self, *, shortest: int = 0, **kwargs: Any) -> None:
        documented = {"maxLength": rules.TEXT_CHARACTERS, "pattern": _NOT_BLANK if shortest else _STORABLE}
        if shortest:
            documented["minLength"] = shortest
        super().__init__(lambda value: rules.text(value, shortest=shortest), documented, **kwargs)


class Email(_Ruled):
    """An e-mail; kept as typed."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {"format": "email", "maxLength": rules.EMAIL_CHARACTERS, "example": "john.smith@example.com"}
        super().__init__(rules.email, documented, **kwargs)


class SearchedEmail(_Ruled):
    """An e-mail to look for, which need not be a valid one."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {"maxLength": rules.TEXT_CHARACTERS, "pattern": _NOT_BLANK, "minLength": 1}
        super().__init__(rules.searched_email, documented, **kwargs)


class Password(_Ruled):
    """A password as typed, never trimmed: what a login is tried with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(rules.password, {"pattern": _STORABLE, "example": "correct horse battery"}, **kwargs)


class NewPassword(_Ruled):
    """A password that an account is given."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {
            "minLength": rules.PASSWORD_CHARACTERS,
            "maxLength": rules.PASSWORD_BYTES,
            "pattern": _STORABLE,
            "example": "correct horse battery",
        }
        super().__init__(rules.new_password, documented, **kwargs)


class Country(_Ruled):
    """A country by its two letters (ISO 3166-1 alpha-2), in upper case from then on."""

    def __init__(self, *, shortest: int = 1, **kwargs: Any) -> None:
        documented = {"pattern": "^[A-Za-z]{2}$", "example": "US"}
        super().__init__(lambda value: rules.country(value, shortest=shortest), documented, **kwargs)


class Status(fields.Field[int]):
    """Exactly "0", "1", 0 or 1; an integer from then on."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {"anyOf": [_ZERO_OR_ONE, *_ZERO_OR_ONE_AS_TEXT], "example": 1}
        super().__init__(metadata={**documented, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        return rules.status(value)


class Flag(fields.Field[bool]):
    """true or false, or 1 or 0; nothing else."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {"anyOf": [{"type": "boolean"}, _ZERO_OR_ONE], "example": True}
        super().__init__(metadata={**documented, **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        return rules.flag(value)


class Number(fields.Integer):
    """A whole number in a range, in plain decimal digits."""

    def __init__(self, *, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(metadata={"minimum": low, "maximum": high, **kwargs.pop("metadata", {})}, **kwargs)
        self._low, self._high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        return rules.whole_number(value, self._low, self._high)


class Moment(fields.Field[datetime]):
    """A time in a query string, in ISO 8601: a date is its midnight, a time without an offset is in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        forms = [{"type": "string", "format": form} for form in ("date-time", "date")]
        metadata = {"anyOf": forms, "example": "2026-01-31T12:00:00Z", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        return rules.moment(value)


class Timestamp(fields.Field[datetime]):
    """A time in an answer: `YYYY-MM-DD HH:MM:SS`, in UTC; null where the row has none that can be written so."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {"type": ["string", "null"], "example": "2026-01-31 12:00:00", "description": "In UTC"}
        super().__init__(required=True, metadata=documented, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        # A statement that writes JSON, or has to cope with "infinity", brings the text itself: customers_time().
        if value is None or isinstance(value, str):
            return value
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}".rjust(19, "0")


class OpenBody(Schema):
    """A request body whose unknown properties are accepted and ignored, and documented to be."""

    class Meta:
        unknown = INCLUDE

    @post_load
    def drop_unknown(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Keep what the schema declares."""
        return {name: value for name, value in data.items() if name in self.fields}


class Body(Schema):
    """A request body whose documentation says nothing of unknown properties: they are ignored."""

    class Meta:
        unknown = EXCLUDE


class Query(Schema):
    """A query string; an unknown parameter is refused rather than silently dropped."""

    class Meta:
        unknown = RAISE


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
    """The place of a customer in a path: a uuid, or `me`, which authorization turns into the caller's own."""

    regex = f"{ME}|{AnyUUID.regex}"

    def to_python(self, value: str) -> UUID | str:  # type: ignore[override]  # BaseConverter says Any
        """Return the uuid, or `me`."""
        return value if value == ME else UUID(value)
