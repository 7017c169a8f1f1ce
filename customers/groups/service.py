"""The acts on groups of customers (CONTRACT section 9)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers.errors import DefaultGroup, GroupNameTaken, GroupNotFound, NothingToUpdate
from customers.groups import sql
from customers.idempotency.once import Once
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


def create(resources: Resources, new: Mapping[str, Any], once: Once[Any]) -> Row[Any]:
    """Create a group and return it. Raises GroupNameTaken, and what ``once`` raises."""
    with resources.database.writing() as conn:
        once.begin(conn)
        group = sql.insert(conn, new["group_name"])
        if group is None:
            raise GroupNameTaken()
        once.record(conn, group)
    return group


def update(resources: Resources, uuid: UUID, changes: Mapping[str, Any]) -> Row[Any]:
    """Rename a group and return it. Raises NothingToUpdate, GroupNameTaken, GroupNotFound."""
    if not changes:
        raise NothingToUpdate()
    with resources.database.writing() as conn:
        return _found(sql.update(conn, uuid, changes["group_name"]))


def delete(resources: Resources, uuid: UUID) -> Row[Any]:
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
        sql.move_customers(conn, group_id, DEFAULT)
        return sql.delete(conn, group_id)


def _found(group: Row[Any] | None) -> Row[Any]:
    if group is None:
        raise GroupNotFound()
    return group
