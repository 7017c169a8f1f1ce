"""The statements on groups of customers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from customers.db.constraints import constraints
from customers.errors import GroupNameTaken

DEFAULT = 1  # the id of the group where every customer belongs that is in no other

# A group as it is answered.
GROUP = """customer_group_id, uuid, group_name, customers_time(created_at) AS created_at,
           customers_time(updated_at) AS updated_at"""

LIST = text(f"""
    SELECT {GROUP}, coalesce(members.customers, 0) AS customers
      FROM customer_group
      LEFT JOIN (SELECT group_id, count(*) AS customers
                   FROM customer
                  GROUP BY group_id) AS members
        ON members.group_id = customer_group.customer_group_id
     ORDER BY customer_group.customer_group_id
""")


def list_all(conn: Connection) -> Sequence[Row[Any]]:
    """Return all groups, the oldest first, each with how many customers are in it."""
    return conn.execute(LIST).all()


FIND = text(f"""
    SELECT {GROUP},
           (SELECT count(*)
              FROM customer
             WHERE customer.group_id = customer_group.customer_group_id) AS customers
      FROM customer_group
     WHERE uuid = :uuid
""")


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


MOVE_CUSTOMERS = text("""
    UPDATE customer
       SET group_id = :target,
           updated_at = now()
     WHERE group_id = :group_id
""")


def move_customers(conn: Connection, group_id: int, target: int) -> int:
    """Put all customers of one group into another; return how many there were."""
    return conn.execute(MOVE_CUSTOMERS, {"group_id": group_id, "target": target}).rowcount


DELETE = text(f"""
    DELETE FROM customer_group
     WHERE customer_group_id = :customer_group_id
    RETURNING {GROUP}
""")


def delete(conn: Connection, customer_group_id: int) -> Row[Any]:
    """Delete a group and return the row as it was."""
    return conn.execute(DELETE, {"customer_group_id": customer_group_id}).one()
