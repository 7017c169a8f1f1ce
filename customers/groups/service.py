"""The acts on groups of customers (CONTRACT section 9)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers.audit import trail
from customers.audit.trail import Subject
from customers.errors import DefaultGroup, GroupNameTaken, GroupNotFound, NothingToUpdate
from customers.groups import sql
from customers.idempotency.once import Once
from customers.identity import Caller
from customers.resources import Resources

DEFAULT = sql.DEFAULT


def list_all(resources: Resources) -> Sequence[Row[Any]]:
    """Return all groups, each with how many customers are in it."""
    with resources.database.reading() as conn:
        return sql.list_all(conn)


def read(resources: Resources, uuid: UUID) -> Row[Any]:
    """Return a group with how many customers are in it. Raises GroupNotFound."""
    with resources.database.reading() as conn:
        return _found(sql.find(conn, uuid))


def create(resources: Resources, caller: Caller, new: Mapping[str, Any], once: Once[Any]) -> Row[Any]:
    """Create a group and return it. Raises GroupNameTaken, and what ``once`` raises."""
    with resources.database.writing() as conn:
        once.begin(conn)
        group = sql.insert(conn, new["group_name"])
        if group is None:
            raise GroupNameTaken()
        trail.record(conn, caller.actor, Subject("group", group.uuid), {"group_created": {}})
        once.record(conn, group)
    return group


def update(resources: Resources, caller: Caller, uuid: UUID, changes: Mapping[str, Any]) -> Row[Any]:
    """Rename a group and return it. Raises NothingToUpdate, GroupNameTaken, GroupNotFound."""
    if not changes:
        raise NothingToUpdate()
    with resources.database.writing() as conn:
        group = _found(sql.update(conn, uuid, changes["group_name"]))
        trail.record(conn, caller.actor, Subject("group", uuid), {"group_renamed": {}})
    return group


def delete(resources: Resources, caller: Caller, uuid: UUID) -> Row[Any]:
    """Delete a group, move its customers to the default group, and return it as it was.

    Raises GroupNotFound, DefaultGroup.
    """
    # At length: a group may have more customers than a statement can move within its timeout.
    with resources.database.writing_at_length() as conn:
        group_id = sql.lock(conn, uuid)
        if group_id is None:
            raise GroupNotFound()
        if group_id == DEFAULT:
            raise DefaultGroup()
        moved = sql.move_customers(conn, group_id, DEFAULT)
        trail.record(conn, caller.actor, Subject("group", uuid), {"group_deleted": {"customers_moved": moved}})
        return sql.delete(conn, group_id)


def _found(group: Row[Any] | None) -> Row[Any]:
    if group is None:
        raise GroupNotFound()
    return group
