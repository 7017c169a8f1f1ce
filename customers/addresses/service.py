"""The acts on addresses (CONTRACT section 7)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers.addresses import sql
from customers.audit import trail
from customers.audit.trail import Subject
from customers.errors import (
    AddressNotFound,
    CustomerNotFound,
    InvalidInput,
    NothingToUpdate,
    PreconditionFailed,
    TooManyAddresses,
)
from customers.idempotency.once import Once
from customers.identity import Caller
from customers.resources import Resources

FIELDS = (
    "full_name",
    "telephone",
    "address_1",
    "address_2",
    "city",
    "province",
    "country",
    "postcode",
    "is_default",
)
REQUIRED = ("full_name", "address_1", "province", "country", "postcode")
MOST = 100


def list_all(resources: Resources, customer_uuid: UUID) -> Sequence[Row[Any]]:
    """Return a customer's addresses. Raises CustomerNotFound."""
    with resources.database.reading() as conn:
        addresses = sql.list_all(conn, customer_uuid)
    if addresses is None:
        raise CustomerNotFound()
    return addresses


def read(resources: Resources, customer_uuid: UUID, uuid: UUID) -> Row[Any]:
    """Return one of a customer's addresses. Raises AddressNotFound."""
    with resources.database.reading() as conn:
        address = sql.find(conn, customer_uuid, uuid)
    if address is None:
        raise AddressNotFound()
    return address


def create(
    resources: Resources, caller: Caller, customer_uuid: UUID, new: Mapping[str, Any], once: Once[Any]
) -> Row[Any]:
    """Add an address and return it; a new default takes the place of the old one.

    Raises CustomerNotFound, TooManyAddresses, and what ``once`` raises.
    """
    values = {**dict.fromkeys(FIELDS), "is_default": False, **new}
    with resources.database.writing() as conn:
        once.begin(conn)
        customer_id = sql.lock_customer(conn, customer_uuid)
        if customer_id is None:
            raise CustomerNotFound()
        if values["is_default"]:
            sql.clear_default(conn, customer_id)
        address = sql.insert(conn, customer_id, values, most=MOST)
        if address is None:
            raise TooManyAddresses()
        details = {"address": str(address.uuid)}
        trail.record(conn, caller.actor, Subject("customer", customer_uuid), {"address_created": details})
        once.record(conn, address)
    return address


def update(
    resources: Resources,
    caller: Caller,
    customer_uuid: UUID,
    uuid: UUID,
    changes: Mapping[str, Any],
    versions: Sequence[str] | None,
) -> Row[Any]:
    """Change what is named of an address and return it; a new default takes the place of the old one.

    ``versions`` are those that If-Match allows, None any. Raises AddressNotFound, NothingToUpdate, PreconditionFailed,
    and InvalidInput if the whole address would not do.
    """
    if not changes:
        raise NothingToUpdate()
    with resources.database.writing() as conn:
        customer_id = sql.lock_customer(conn, customer_uuid)
        stored = None if customer_id is None else sql.lock(conn, customer_id, uuid)
        if customer_id is None or stored is None:
            raise AddressNotFound()
        values = {**stored._mapping, **changes}
        blank = [field for field in REQUIRED if not (values[field] or "").strip()]
        if blank:
            raise InvalidInput(errors={field: ["Must not be blank."] for field in blank})
        if values["is_default"]:
            sql.clear_default(conn, customer_id, but=uuid)
        address = sql.update(conn, customer_id, uuid, values, versions)
        if address is None:
            raise PreconditionFailed()
        changed = [field for field in FIELDS if address._mapping[field] != stored._mapping[field]]
        details = {"address": str(uuid), "fields": changed}
        trail.record(conn, caller.actor, Subject("customer", customer_uuid), {"address_updated": details})
    return address


def delete(
    resources: Resources, caller: Caller, customer_uuid: UUID, uuid: UUID, versions: Sequence[str] | None
) -> Row[Any]:
    """Delete an address and return it as it was. Raises AddressNotFound, PreconditionFailed."""
    with resources.database.writing() as conn:
        address = sql.delete(conn, customer_uuid, uuid, versions)
        if address is None:
            raise PreconditionFailed() if sql.find(conn, customer_uuid, uuid) else AddressNotFound()
        details = {"address": str(uuid)}
        trail.record(conn, caller.actor, Subject("customer", customer_uuid), {"address_deleted": details})
    return address
