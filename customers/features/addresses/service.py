"""The acts on addresses."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers import errors, rules
from customers.context import Context
from customers.db import idempotency_keys
from customers.db.engine import Transaction
from customers.db.idempotency_keys import Key
from customers.features.addresses import sql
from customers.security import trail
from customers.security.callers import Caller
from customers.security.trail import Details, Event, Subject

FIELDS = ("full_name", "telephone", "address_1", "address_2", "city", "province", "country", "postcode", "is_default")
REQUIRED = ("full_name", "address_1", "province", "country", "postcode")
MOST = 100


def list_all(ctx: Context, customer_uuid: UUID) -> Sequence[Row[Any]]:
    """Return a customer's addresses. Raises CustomerNotFound."""
    with ctx.db.autocommit() as conn:
        return errors.found(sql.list_all(conn, customer_uuid), errors.CustomerNotFound)


def read(ctx: Context, customer_uuid: UUID, uuid: UUID) -> Row[Any]:
    """Return one of a customer's addresses. Raises AddressNotFound."""
    with ctx.db.autocommit() as conn:
        return errors.found(sql.find(conn, customer_uuid, uuid), errors.AddressNotFound)


def create(
    ctx: Context, caller: Caller, customer_uuid: UUID, new: Mapping[str, Any], key: Key | None = None
) -> tuple[Row[Any], bool]:
    """Add an address; return it, and whether an earlier request with this key added it.

    Raises CustomerNotFound, TooManyAddresses, IdempotencyKeyReused, and AddressNotFound for a key whose address has
    been deleted since.
    """
    values = {**dict.fromkeys(FIELDS), "is_default": False, **new}
    with ctx.db.writing() as tx:
        uuid, replayed = idempotency_keys.claim(tx.conn, key)
        if replayed:
            return errors.found(sql.find(tx.conn, customer_uuid, uuid), errors.AddressNotFound), True
        customer_id = errors.found(sql.lock_customer(tx.conn, customer_uuid), errors.CustomerNotFound)
        if values["is_default"]:
            sql.clear_default(tx.conn, customer_id)
        address = errors.found(sql.insert(tx.conn, uuid, customer_id, values, most=MOST), errors.TooManyAddresses)
        _log(tx, caller, customer_uuid, {"address_created": {"address": str(uuid)}})
    return address, False


def update(
    ctx: Context,
    caller: Caller,
    customer_uuid: UUID,
    uuid: UUID,
    changes: Mapping[str, Any],
    versions: Sequence[str] | None,
) -> Row[Any]:
    """Change what is named of an address and return it; ``versions`` are those that If-Match allows, None any.

    Raises AddressNotFound, NothingToUpdate, PreconditionFailed, and InvalidInput if a required field of the merged
    address is blank.
    """
    if not changes:
        raise errors.NothingToUpdate()
    with ctx.db.writing() as tx:
        customer_id = errors.found(sql.lock_customer(tx.conn, customer_uuid), errors.AddressNotFound)
        stored = errors.found(sql.lock(tx.conn, customer_uuid, uuid), errors.AddressNotFound)
        values = {**stored._mapping, **changes}
        blank = [field for field in REQUIRED if not rules.is_visible(values[field] or "")]
        if blank:
            raise errors.InvalidInput(errors={field: ["Must not be blank."] for field in blank})
        if values["is_default"]:
            sql.clear_default(tx.conn, customer_id, but=uuid)
        address = errors.found(sql.update(tx.conn, customer_id, uuid, values, versions), errors.PreconditionFailed)
        changed = [field for field in FIELDS if address._mapping[field] != stored._mapping[field]]
        _log(tx, caller, customer_uuid, {"address_updated": {"address": str(uuid), "fields": changed}})
    return address


def delete(ctx: Context, caller: Caller, customer_uuid: UUID, uuid: UUID, versions: Sequence[str] | None) -> Row[Any]:
    """Delete an address and return it as it was. Raises AddressNotFound, PreconditionFailed."""
    with ctx.db.writing() as tx:
        stored = errors.found(sql.lock(tx.conn, customer_uuid, uuid), errors.AddressNotFound)
        address = errors.found(sql.delete(tx.conn, stored.customer_id, uuid, versions), errors.PreconditionFailed)
        _log(tx, caller, customer_uuid, {"address_deleted": {"address": str(uuid)}})
    return address


def _log(tx: Transaction, caller: Caller, customer_uuid: UUID, events: Mapping[Event, Details]) -> None:
    """Log what was done to an address, once it is committed. It gets no row in the audit trail."""
    tx.after_commit(lambda: trail.write_lines(caller.actor, Subject("customer", customer_uuid), events))
