"""The acts on groups of customers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers.context import Context
from customers.db import idempotency_keys
from customers.db.idempotency_keys import Key
from customers.errors import DefaultGroup, GroupNameTaken, GroupNotFound, NothingToUpdate, found
from customers.features.groups import sql
from customers.security import trail
from customers.security.callers import Caller
from customers.security.trail import Subject

DEFAULT = sql.DEFAULT


def list_all(ctx: Context) -> Sequence[Row[Any]]:
    """Return all groups, each with how many customers are in it."""
    with ctx.db.autocommit() as conn:
        return sql.list_all(conn)


def read(ctx: Context, uuid: UUID) -> Row[Any]:
    """Return a group with how many customers are in it. Raises GroupNotFound."""
    with ctx.db.autocommit() as conn:
        return found(sql.find(conn, uuid), GroupNotFound)


def create(ctx: Context, caller: Caller, new: Mapping[str, Any], key: Key | None = None) -> tuple[Row[Any], bool]:
    """Create a group; return it, and whether an earlier request with this key created it.

    Raises GroupNameTaken, IdempotencyKeyReused, and GroupNotFound for a key whose group has been deleted since.
    """
    with ctx.db.writing() as tx:
        uuid, replayed = idempotency_keys.claim(tx.conn, key)
        if replayed:
            return found(sql.find(tx.conn, uuid), GroupNotFound), True
        group = found(sql.insert(tx.conn, uuid, new["group_name"]), GroupNameTaken)
        trail.record(tx, caller.actor, Subject("group", uuid), {"group_created": {}})
    return group, False


def update(ctx: Context, caller: Caller, uuid: UUID, changes: Mapping[str, Any]) -> Row[Any]:
    """Rename a group and return it. Raises NothingToUpdate, GroupNameTaken, GroupNotFound."""
    if not changes:
        raise NothingToUpdate()
    with ctx.db.writing() as tx:
        group = found(sql.update(tx.conn, uuid, changes["group_name"]), GroupNotFound)
        trail.record(tx, caller.actor, Subject("group", uuid), {"group_renamed": {}})
    return group


def delete(ctx: Context, caller: Caller, uuid: UUID) -> Row[Any]:
    """Delete a group, move its customers to the default group, and return it as it was.

    Raises GroupNotFound, DefaultGroup.
    """
    # A group may have more customers than a statement moves in its time.
    with ctx.db.writing(without_timeouts=True) as tx:
        group_id = found(sql.lock(tx.conn, uuid), GroupNotFound)
        if group_id == DEFAULT:
            raise DefaultGroup()
        group = sql.delete(tx.conn, group_id)
        details = {"customers_moved": group.customers_moved}
        trail.record(tx, caller.actor, Subject("group", uuid), {"group_deleted": details})
    return group
