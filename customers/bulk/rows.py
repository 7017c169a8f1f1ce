"""From a record of a file to a row for the database: checked by the rules of the API, in the form that COPY takes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, ValidationError

from customers.addresses.schemas import AddressChanges, NewAddress
from customers.addresses.service import FIELDS as ADDRESS_FIELDS
from customers.bulk import values
from customers.bulk.files import Record
from customers.groups.sql import DEFAULT
from customers.passwords import UNUSABLE

UNKNOWN = "-infinity"  # a time that is given as none, while NULL stands for one that is not given

# What a row does not say: for an update it stays, for a new customer it is this.
_DEFAULTS = {
    "status": "1",
    "group_id": str(DEFAULT),
    "password": UNUSABLE,
    "created_at": values.NOW,
    "updated_at": values.NOW,
    "meta_data": "{}",
}
_STAYS = dict.fromkeys(_DEFAULTS, values.NULL)

_BAD_BYTES = re.compile("[\udc80-\udcff]")
_OWN = ("uuid", "created_at", "updated_at")  # what a request cannot say of an address

# For the whole run: to make a schema costs more than to use it.
_whole_address = NewAddress(unknown=RAISE)
_stored_address = AddressChanges(unknown=RAISE)


class Rejected(Exception):
    """A row that is not imported; the message says why, and repeats nothing that stands in it."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an operator has chosen."""

    update: bool = False
    dry_run: bool = False
    lenient: bool = False
    create_groups: bool = False
    without_passwords: bool = False


@dataclass(slots=True)
class Row:
    """A customer as it goes into the database."""

    line: int
    key: str  # what addresses are compared by; of the rest, texts are as COPY takes them
    uuid: str | None
    email: str
    full_name: str
    status: str
    group_id: str
    password: str
    plain: str | None  # a password that is still to be hashed
    created_at: str
    updated_at: str
    meta_data: str
    addresses: (
        list[tuple[str | None, str]] | None
    )  # each a uuid, if it has one, and the rest; None leaves those there are

    def uuids(self) -> Sequence[str]:
        """Return the uuids that the file gives: the customer's, and those of addresses with a mark."""
        if self.uuid is None and not self.addresses:
            return ()
        found = [f"address {address[0]}" for address in self.addresses or () if address[0]]
        return [self.uuid, *found] if self.uuid else found

    def copied(self, uuid: str) -> str:
        """Return the columns of the customer, for COPY."""
        return (
            f"{uuid}\t{self.email}\t{self.full_name}\t{self.status}\t{self.group_id}\t{self.password}"
            f"\t{self.created_at}\t{self.updated_at}\t{self.meta_data}"
        )

    def copied_addresses(self, uuids: Iterator[str]) -> Iterator[str]:
        """Yield the lines for COPY, with a uuid for those without one."""
        for place, (uuid, rest) in enumerate(self.addresses or ()):
            yield f"{self.line}\t{place}\t{uuid or next(uuids)}\t{rest}\n"


def check(record: Record, options: Options, group_id: Callable[[str], int | None]) -> Row:
    """Return the row of a record; ``group_id`` finds a group by its name. Raises Rejected."""
    try:
        return _row(record, options, group_id)
    except Rejected:
        if any(isinstance(value, str) and _BAD_BYTES.search(value) for value in record.values.values()):
            raise Rejected("The line is not UTF-8.") from None
        raise


def _row(record: Record, options: Options, group_id: Callable[[str], int | None]) -> Row:
    if record.fault:
        raise Rejected(record.fault)
    kept = _checked(record.values)
    _require(kept, options)
    group = group_id(kept["group"]) if "group" in kept else None
    if "group" in kept and group is None:
        raise Rejected("group: There is no such group.")
    absent = _STAYS if options.update else _DEFAULTS
    return Row(
        line=record.line,
        key=kept["email"].lower(),
        uuid=kept.get("uuid"),
        email=values.cell(kept["email"]),
        full_name=values.cell(kept.get("full_name")),
        status=str(kept.get("status", absent["status"])),
        group_id=str(group or absent["group_id"]),
        password=kept.get("password_hash", absent["password"]),
        plain=kept.get("password"),
        created_at=_time(record.values, kept, "created_at", absent["created_at"]),
        updated_at=_time(record.values, kept, "updated_at", absent["updated_at"]),
        meta_data=values.cell(kept["meta_data"]) if "meta_data" in kept else absent["meta_data"],
        addresses=_addresses(kept["addresses"], options) if "addresses" in kept else None,
    )


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is given, checked, by name. Raises Rejected."""
    name = ""
    kept = {}
    try:
        for name, value in given.items():
            if value is not None:
                kept[name] = values.RULES[name](value)
    except KeyError:
        raise Rejected(f"{name[:50]}: There is no such column.") from None
    except ValidationError as fault:
        raise Rejected(f"{name}: {' '.join(fault.messages)}") from None
    return kept


def _require(kept: Mapping[str, Any], options: Options) -> None:
    if "email" not in kept:
        raise Rejected("email: Is missing.")
    if "password" in kept and "password_hash" in kept:
        raise Rejected("password: Must not stand beside a password_hash.")
    # With --update it depends on whether the customer is there; the database knows.
    if not options.update:
        if "full_name" not in kept and not options.lenient:
            raise Rejected(NO_NAME)
        if "password" not in kept and "password_hash" not in kept and not options.without_passwords:
            raise Rejected(NO_HASH)


NO_NAME = "full_name: Is missing."
NO_HASH = "password: Is missing, and so is password_hash."
TWICE = "email: Stood in the file before."
TAKEN = "uuid: Is another customer's."
TAKEN_ADDRESS = "addresses: One has the uuid of another customer's."


def _addresses(given: list[dict[str, Any]], options: Options) -> list[tuple[str | None, str]]:
    """Return the addresses as a Row has them. Raises Rejected."""
    found, defaults = [], 0
    for number, address in enumerate(given, 1):
        own = {name: value for name, value in address.items() if name in _OWN}
        try:
            kept = _checked(own)
            kept |= _address({name: value for name, value in address.items() if name not in _OWN}, options)
        except Rejected as fault:
            raise Rejected(f"addresses, {number}: {fault}") from None
        kept["is_default"] = "t" if kept.get("is_default") else "f"
        defaults += kept["is_default"] == "t"
        cells = [values.cell(kept.get(name)) for name in ADDRESS_FIELDS]
        cells += [_time(own, kept, name, values.NOW) for name in ("created_at", "updated_at")]
        found.append((kept.get("uuid"), "\t".join(cells)))
    if defaults > 1:
        raise Rejected("addresses: More than one is the default.")
    return found


def _address(given: dict[str, Any], options: Options) -> dict[str, Any]:
    schema = _stored_address if options.lenient else _whole_address
    try:
        kept: dict[str, Any] = schema.load(given)
    except ValidationError as fault:
        faults = {str(name)[:50]: " ".join(messages) for name, messages in fault.messages_dict.items()}
        raise Rejected("; ".join(f"{name}: {said}" for name, said in faults.items())) from None
    if not kept.get("country"):
        raise Rejected("country: Is missing.")
    return kept


def _time(given: Mapping[str, Any], kept: Mapping[str, str], name: str, absent: str) -> str:
    return kept.get(name, UNKNOWN if name in given else absent)
