"""The fields that every schema is built of. What a value may be is in rules.py."""

import functools
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from marshmallow import INCLUDE, Schema, fields
from werkzeug.routing import BaseConverter, UUIDConverter

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


class _Ruled(fields.Field[Any]):
    """A field that a rule checks, documented with what JSON Schema can say of the rule."""

    documented: dict[str, Any] = {}
    rule: Callable[..., Any]

    def __init__(self, *, metadata: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(metadata={**self.documented, **(metadata or {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return self.rule(super()._deserialize(value, attr, data, **kwargs))


class Text(_Ruled, fields.String):
    """A text that is trimmed before its length is checked."""

    def __init__(self, *, shortest: int = 0, **kwargs: Any) -> None:
        self.rule = functools.partial(rules.text, shortest=shortest)
        least = {"pattern": _NOT_BLANK, "minLength": shortest} if shortest else {"pattern": _STORABLE}
        self.documented = {"maxLength": rules.TEXT_CHARACTERS, **least}
        super().__init__(**kwargs)


class Email(_Ruled, fields.String):
    """An e-mail; kept as typed."""

    rule = staticmethod(rules.email)
    documented = {"format": "email", "maxLength": rules.EMAIL_CHARACTERS, "example": "john.smith@example.com"}


class SearchedEmail(_Ruled, fields.String):
    """An e-mail to look for, which need not be a valid one."""

    rule = staticmethod(rules.searched_email)
    documented = {"maxLength": rules.TEXT_CHARACTERS, "pattern": _NOT_BLANK, "minLength": 1}


class Password(_Ruled, fields.String):
    """A password as typed, never trimmed: what a login is tried with."""

    rule = staticmethod(rules.password)
    documented = {"pattern": _STORABLE, "example": "correct horse battery"}


class NewPassword(Password):
    """A password that an account is given."""

    rule = staticmethod(rules.new_password)
    documented = {**Password.documented, "minLength": rules.PASSWORD_CHARACTERS, "maxLength": rules.PASSWORD_BYTES}


class Country(_Ruled, fields.String):
    """A country by its two letters (ISO 3166-1 alpha-2), in upper case from then on."""

    documented = {"pattern": "^[A-Za-z]{2}$", "example": "US"}

    def __init__(self, *, shortest: int = 1, **kwargs: Any) -> None:
        self.rule = functools.partial(rules.country, shortest=shortest)
        super().__init__(**kwargs)


class Status(_Ruled):
    """Exactly "0", "1", 0 or 1; an integer from then on."""

    rule = staticmethod(rules.status)
    documented = {"anyOf": [_ZERO_OR_ONE, *_ZERO_OR_ONE_AS_TEXT], "example": 1}


class Flag(_Ruled):
    """true or false, or 1 or 0; nothing else."""

    rule = staticmethod(rules.flag)
    documented = {"anyOf": [{"type": "boolean"}, _ZERO_OR_ONE], "example": True}


class Number(_Ruled):
    """A whole number in a range, in plain decimal digits."""

    def __init__(self, *, low: int, high: int, **kwargs: Any) -> None:
        self.rule = functools.partial(rules.whole_number, low=low, high=high)
        self.documented = {"type": "integer", "minimum": low, "maximum": high}
        super().__init__(**kwargs)


class Moment(_Ruled):
    """A time in a query string, in ISO 8601: a date is its midnight, a time without an offset is in UTC."""

    rule = staticmethod(rules.moment)
    documented = {
        "anyOf": [{"type": "string", "format": form} for form in ("date-time", "date")],
        "example": "2026-01-31T12:00:00Z",
    }


class Timestamp(fields.Raw):
    """A time in an answer, as customers_time() writes it; null where the row has none that can be written so."""

    def __init__(self, **kwargs: Any) -> None:
        documented = {"type": ["string", "null"], "example": "2026-01-31 12:00:00", "description": "In UTC"}
        super().__init__(required=True, metadata=documented, **kwargs)


class OpenBody(Schema):
    """A request body whose unknown properties are accepted and ignored, and documented to be."""

    class Meta:
        unknown = INCLUDE  # as it is documented; json_body.load() leaves them out


class AnyUUID(UUIDConverter):
    """A uuid in a path, with or without dashes, in either case."""

    regex = "[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"


class CustomerUUID(BaseConverter):
    """The place of a customer in a path: a uuid, or `me`, which authorization turns into the caller's own."""

    regex = f"{ME}|{AnyUUID.regex}"

    def to_python(self, value: str) -> UUID | str:
        """Return the uuid, or `me`."""
        return value if value == ME else UUID(value)
