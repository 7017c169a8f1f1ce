"""What stands in the columns of a file, checked by the rules of the API, each as it goes into the database."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from marshmallow import ValidationError

from customers import parsing, passwords, rules
from customers.addresses.service import MOST as MOST_ADDRESSES

HIGHEST_COST = 14  # of a bcrypt hash: each login spends it
# As COPY takes them.
NULL = r"\N"
NOW = "now"  # the time of the transaction

_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def cell(text: str | None) -> str:
    """Return a text as COPY takes it."""
    if text is None:
        return NULL
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _string(value: Any) -> str:
    if type(value) is not str:
        raise ValidationError("Not a valid string.")
    return value


@functools.lru_cache(maxsize=1000)
def _group(name: str) -> str:
    return rules.text(name, shortest=1)


def _uuid(value: Any) -> str:
    try:
        return str(UUID(_string(value)))
    except ValueError:
        raise ValidationError("Not a valid UUID.") from None


def _hash(value: Any) -> str:
    if value == passwords.UNUSABLE:
        return passwords.UNUSABLE
    cost = passwords.cost(_string(value))
    if cost is None:
        raise ValidationError("Not a bcrypt hash.")
    if cost > HIGHEST_COST:
        raise ValidationError(f"Its cost is above {HIGHEST_COST}.")
    return _string(value)


def _moment(value: Any) -> str:
    return rules.moment(_string(value)).isoformat()


def _object(value: Any) -> str:
    """Return the text of a JSON object: as it is, for what a number looks like is part of what is stored."""
    try:
        read = json.loads(_string(value), parse_constant=parsing.refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or not parsing.is_storable(read):
        raise ValidationError("Not the text of a JSON object.")
    return _string(value)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if abs(number) != float("inf") else parsing.refuse_constant(digits)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValidationError("Not a list of addresses.")
    if len(value) > MOST_ADDRESSES:
        raise ValidationError(f"More than {MOST_ADDRESSES}.")
    return value


# Column -> its check, which raises ValidationError.
RULES: dict[str, Callable[[Any], Any]] = {
    "uuid": _uuid,
    "email": lambda value: rules.email(_string(value)),
    "full_name": lambda value: rules.text(_string(value), shortest=1),
    "status": rules.status,
    "group": lambda value: _group(_string(value)),
    "created_at": _moment,
    "updated_at": _moment,
    "meta_data": _object,
    "password_hash": _hash,
    "password": lambda value: rules.new_password(_string(value)),
    "addresses": _list,
}
