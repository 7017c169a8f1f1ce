"""The statements on customers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from customers import database
from customers.errors import EmailTaken, InvalidInput

# Case-sensitive as EverShop made it, and ours on lower(email).
_EMAIL_CONSTRAINTS = {"EMAIL_UNIQUE": EmailTaken, "customer_email_lower_key": EmailTaken}


def _unknown_group() -> InvalidInput:
    return InvalidInput(errors={"group_id": ["There is no group of this id."]})


_GROUP_CONSTRAINT = {"FK_CUSTOMER_GROUP": _unknown_group}


# Either unique constraint on the address makes this return no row.
INSERT = text("""
    INSERT INTO customer (status, group_id, email, password, full_name)
    VALUES (:status, :group_id, :email, :password, :full_name)
        ON CONFLICT DO NOTHING
    RETURNING customer_id, uuid, status, group_id, email, full_name, created_at, updated_at,
              customer_version(customer_id, xmin) AS version
""")


def insert(
    conn: Connection, *, status: int, group_id: int, email: str, password: str, full_name: str
) -> Row[Any] | None:
    """Insert a customer and return the row, or None when the address is taken. ``password`` is a hash.

    Raises InvalidInput for an unknown group.
    """
    values = {"status": status, "group_id": group_id, "email": email, "password": password, "full_name": full_name}
    with database.constraints(_GROUP_CONSTRAINT):
        return conn.execute(INSERT, values).one_or_none()


# One statement for a customer and the addresses: default first, then oldest first, which is the order of their ids.
FIND = text("""
    SELECT customer_id, uuid, status, group_id, email, full_name, created_at, updated_at,
           (SELECT coalesce(json_agg(json_build_object(
                       'customer_address_id', customer_address_id,
                       'uuid', uuid,
                       'full_name', full_name,
                       'telephone', telephone,
                       'address_1', address_1,
                       'address_2', address_2,
                       'city', city,
                       'province', province,
                       'country', country,
                       'postcode', postcode,
                       'is_default', coalesce(is_default, false))
                   ORDER BY coalesce(is_default, false) DESC, customer_address_id), '[]')
              FROM customer_address
             WHERE customer_address.customer_id = customer.customer_id) AS addresses,
           customer_version(customer_id, xmin) AS version
      FROM customer
     WHERE uuid = :uuid
""")


def find(conn: Connection, uuid: UUID) -> Row[Any] | None:
    """Return the customer with ``addresses``, a list of dictionaries, or None."""
    return conn.execute(FIND, {"uuid": uuid}).one_or_none()


# None means "as it is": no column here may become null.
UPDATE = text("""
    UPDATE customer
       SET status = coalesce(:status, status),
           email = coalesce(:email, email),
           password = coalesce(:password, password),
           full_name = coalesce(:full_name, full_name),
           group_id = coalesce(:group_id, group_id),
           updated_at = now()
     WHERE uuid = :uuid
       AND (CAST(:versions AS text[]) IS NULL OR customer_version(customer_id, xmin) = ANY(CAST(:versions AS text[])))
    RETURNING customer_id, uuid, status, group_id, email, full_name, created_at, updated_at,
              customer_version(customer_id, xmin) AS version
""")


def update(
    conn: Connection, uuid: UUID, values: Mapping[str, Any], versions: Sequence[str] | None = None
) -> Row[Any] | None:
    """Change what ``values`` names (``password`` is a hash) and return the row.

    None if it is not there, or none of the versions, where any are given. Raises EmailTaken, and InvalidInput for an
    unknown group.
    """
    unchanged = dict.fromkeys(("status", "email", "password", "full_name", "group_id"))
    allowed = None if versions is None else list(versions)
    with database.constraints({**_EMAIL_CONSTRAINTS, **_GROUP_CONSTRAINT}):
        return conn.execute(UPDATE, {**unchanged, **values, "uuid": uuid, "versions": allowed}).one_or_none()


LOCK = text("""
    SELECT customer_id, status, group_id, email, full_name
      FROM customer
     WHERE uuid = :uuid
       FOR UPDATE
""")


def lock(conn: Connection, uuid: UUID) -> Row[Any] | None:
    """Have whoever else would change the customer wait for this transaction; return the row as it is, or None."""
    return conn.execute(LOCK, {"uuid": uuid}).one_or_none()


# Addresses, sessions and reset tokens go with it, by their foreign keys.
DELETE = text("""
    DELETE FROM customer
     WHERE uuid = :uuid
       AND (CAST(:versions AS text[]) IS NULL OR customer_version(customer_id, xmin) = ANY(CAST(:versions AS text[])))
    RETURNING customer_id, uuid, status, group_id, email, full_name, created_at, updated_at
""")


def delete(conn: Connection, uuid: UUID, versions: Sequence[str] | None = None) -> Row[Any] | None:
    """Delete the customer and return the row as it was; None if there is none, or none of the versions."""
    return conn.execute(DELETE, {"uuid": uuid, "versions": None if versions is None else list(versions)}).one_or_none()


FIND_HASH = text("""
    SELECT password
      FROM customer
     WHERE customer_id = :customer_id
""")


def find_hash(conn: Connection, customer_id: int) -> str | None:
    """Return a customer's hash, or None. Feeds no answer."""
    found: str | None = conn.execute(FIND_HASH, {"customer_id": customer_id}).scalar_one_or_none()
    return found
