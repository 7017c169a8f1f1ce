"""From a record of a file to a row of a customer: each column checked by the rules of the API."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, ValidationError, fields

from customers import rules
from customers.bulk.files import Record
from customers.features.addresses.schemas import AddressChanges, NewAddress
from customers.features.addresses.service import FIELDS as ADDRESS_FIELDS, MOST as MOST_ADDRESSES
from customers.http.json_body import refuse_constant
from customers.security import hashing
from customers.telemetry.logs import printable

UNKNOWN = "-infinity"  # for a time that the file gives as null; None stands for a column that it does not have
_TIMES = ("created_at", "updated_at")

# For the whole run: to make a schema costs more than to use it.
_new_address = NewAddress(unknown=RAISE)
_stored_address = AddressChanges(unknown=RAISE)


class Rejected(Exception):
    """A row that is not imported; the message says why, and repeats no value of it."""


def _hash(value: str) -> str:
    if value != hashing.UNUSABLE and hashing.cost(value) is None:
        raise ValidationError(f"Not a bcrypt hash ($2a$, $2b$ or $2y$) of cost {hashing.HIGHEST_COST} or less.")
    return value


def _json_object(value: str) -> str:
    """Return the text of a JSON object as it is: what a number looks like is part of what is stored."""
    try:
        read = json.loads(value, parse_constant=refuse_constant, parse_float=_number)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or not rules.is_storable(read):
        raise ValidationError("Not the text of a JSON object.")
    return value


def _number(digits: str) -> float:
    """Return a number that a double can hold, or nearly: PostgreSQL stores more, but not numbers of any length."""
    number = float(digits)
    if not math.isfinite(number) or len(digits) > 1000 or re.search("[eE]-[0-9]{4}", digits):
        raise ValueError("a number out of range")
    return number


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValidationError("Not a list of addresses.")
    if len(value) > MOST_ADDRESSES:
        raise ValidationError(f"More than {MOST_ADDRESSES}.")
    return value


# Column -> its rule, which raises ValidationError. All others than _ANY take a string.
_ANY = ("status", "addresses")
_RULES: dict[str, Callable[[Any], Any]] = {
    "uuid": fields.UUID().deserialize,
    "email": rules.email,
    "full_name": lambda value: rules.text(value, shortest=1),
    "status": rules.status,
    "group": lambda value: rules.text(value, shortest=1),
    "created_at": rules.moment,
    "updated_at": rules.moment,
    "meta_data": _json_object,
    "password_hash": _hash,
    "password": rules.new_password,
    "addresses": _objects,
}


def check(record: Record, *, lenient: bool = False) -> dict[str, Any]:
    """Return a row: its line, the columns that the record gives, and all uuids in it. Raises Rejected."""
    if record.fault:
        raise Rejected(record.fault)
    values = record.values
    if lenient and values.get("full_name") == "":
        values = {**values, "full_name": None}
    row = _checked(values)
    if "email" not in row:
        raise Rejected("email: Is missing.")
    if "password" in row and "password_hash" in row:
        raise Rejected("password: Give a password or a password_hash, not both.")
    addresses = [_address(number, given, lenient) for number, given in enumerate(row.get("addresses", ()), 1)]
    if sum(address["is_default"] for address in addresses) > 1:
        raise Rejected("addresses: More than one is the default.")
    uuids = [given["uuid"] for given in (row, *addresses) if "uuid" in given]
    if len(set(uuids)) < len(uuids):
        raise Rejected("uuid: Used twice in this row.")
    if "addresses" in row:
        row["addresses"] = json.dumps(addresses, default=str)
    return {**row, "line": record.line, "uuids": uuids}


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are given, checked, by column. Raises Rejected."""
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            kept |= {name: UNKNOWN} if name in _TIMES else {}
        elif name not in _RULES:
            raise Rejected(f"There is no column {printable(name[:50])}.")
        elif type(value) is not str and name not in _ANY:
            raise Rejected(f"{name}: Not a valid string.")
        else:
            try:
                kept[name] = _RULES[name](value)
            except ValidationError as fault:
                raise Rejected(f"{name}: {' '.join(map(str, fault.messages))}") from None
    return kept


def _address(number: int, given: Mapping[str, Any], lenient: bool) -> dict[str, Any]:
    """Return an address with every field. Raises Rejected."""
    own = {name: value for name, value in given.items() if name in ("uuid", *_TIMES)}  # no request can set these
    rest = {name: value for name, value in given.items() if name not in own and value is not None}
    try:
        kept = {**(_stored_address if lenient else _new_address).load(rest), **_checked(own)}
    except ValidationError as fault:
        faults = ((printable(str(name)[:50]), " ".join(found)) for name, found in fault.messages_dict.items())
        raise Rejected(f"addresses, {number}: {'; '.join(f'{name}: {found}' for name, found in faults)}") from None
    except Rejected as fault:
        raise Rejected(f"addresses, {number}: {fault}") from None
    if not kept.get("country"):
        raise Rejected(f"addresses, {number}: country: Is missing.")
    return {**dict.fromkeys(ADDRESS_FIELDS), "is_default": False, **kept}
