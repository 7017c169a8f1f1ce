"""The statements on groups of customers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from customers.db.constraints import constraints
from customers.errors import GroupNameTaken

DEFAULT = 1  # the id of the group where every customer belongs that is in no other

GROUP = """customer_group_id, uuid, group_name, customers_time(created_at) AS created_at,
           customers_time(updated_at) AS updated_at"""

_COUNTED = f"""
    SELECT {GROUP},
           (SELECT count(*)
              FROM customer
             WHERE customer.group_id = customer_group.customer_group_id) AS customers
      FROM customer_group
"""
LIST = text(f"{_COUNTED} ORDER BY customer_group_id")


def list_all(conn: Connection) -> Sequence[Row[Any]]:
    """Return all groups, the oldest first, each with how many customers are in it."""
    return conn.execute(LIST).all()


FIND = text(f"{_COUNTED} WHERE uuid = :uuid")


def find(conn: Connection, uuid: UUID) -> Row[Any] | None:
    """Return a group with how many customers are in it, or None."""
    return conn.execute(FIND, {"uuid": uuid}).one_or_none()


INSERT = text(f"""
    INSERT INTO customer_group (uuid, group_name)
    VALUES (:uuid, :group_name)
        ON CONFLICT DO NOTHING
    RETURNING {GROUP}
""")


def insert(conn: Connection, uuid: UUID, group_name: str) -> Row[Any] | None:
    """Insert a group and return the row, or None when the name is taken."""
    return conn.execute(INSERT, {"uuid": uuid, "group_name": group_name}).one_or_none()


UPDATE = text(f"""
    UPDATE customer_group
       SET group_name = :group_name,
           updated_at = now()
     WHERE uuid = :uuid
    RETURNING {GROUP}
""")


def update(conn: Connection, uuid: UUID, group_name: str) -> Row[Any] | None:
    """Rename a group and return the row, or None. Raises GroupNameTaken."""
    with constraints({"customer_group_name_key": GroupNameTaken}):
        return conn.execute(UPDATE, {"uuid": uuid, "group_name": group_name}).one_or_none()


LOCK = text("""
    SELECT customer_group_id
      FROM customer_group
     WHERE uuid = :uuid
       FOR UPDATE
""")


def lock(conn: Connection, uuid: UUID) -> int | None:
    """Have whoever would put a customer into the group wait for this transaction; return its id, or None."""
    found: int | None = conn.execute(LOCK, {"uuid": uuid}).scalar_one_or_none()
    return found


DELETE = text(f"""
      WITH moved AS (
           UPDATE customer
              SET group_id = {DEFAULT},
                  updated_at = now()
            WHERE group_id = :customer_group_id
           RETURNING customer_id)
    DELETE FROM customer_group
     WHERE customer_group_id = :customer_group_id
    RETURNING {GROUP}, (SELECT count(*) FROM moved) AS customers_moved
""")


def delete(conn: Connection, customer_group_id: int) -> Row[Any]:
    """Move a group's customers to the default one and delete it; return it as it was, and how many were moved."""
    return conn.execute(DELETE, {"customer_group_id": customer_group_id}).one()
