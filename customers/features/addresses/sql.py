"""The statements on addresses."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

# `xmin` is the transaction that wrote a row; it may have written several.
VERSION = "md5(concat(customer_address.customer_address_id, '-', customer_address.xmin))"

ADDRESS = f"""customer_address.customer_address_id, customer_address.uuid, customer_address.full_name, telephone,
           address_1, address_2, city, province, country, postcode, coalesce(is_default, false) AS is_default,
           customer_address.customer_id, customers_time(customer_address.created_at) AS created_at,
           customers_time(customer_address.updated_at) AS updated_at, {VERSION} AS version"""

# Creates and updates of a customer's addresses lock the customer first, so that they take turns, and the number of
# addresses and the default stay right. A deletion locks its own row alone.
LOCK_CUSTOMER = text("""
    SELECT customer_id
      FROM customer
     WHERE uuid = :uuid
       FOR NO KEY UPDATE
""")


def lock_customer(conn: Connection, uuid: UUID) -> int | None:
    """Return the customer's id, and keep other writers of the addresses waiting; None if there is no customer."""
    found: int | None = conn.execute(LOCK_CUSTOMER, {"uuid": uuid}).scalar_one_or_none()
    return found


# LEFT JOIN: a customer without addresses is one row of nulls.
LIST = text(f"""
    SELECT {ADDRESS}
      FROM customer
      LEFT JOIN customer_address
        ON customer_address.customer_id = customer.customer_id
     WHERE customer.uuid = :customer_uuid
     ORDER BY coalesce(is_default, false) DESC, customer_address_id
""")


def list_all(conn: Connection, customer_uuid: UUID) -> Sequence[Row[Any]] | None:
    """Return a customer's addresses, the default first, then the oldest first; None if there is no customer."""
    rows = conn.execute(LIST, {"customer_uuid": customer_uuid}).all()
    return [row for row in rows if row.customer_address_id is not None] if rows else None


_FIND = f"""
    SELECT {ADDRESS}
      FROM customer_address
      JOIN customer
        ON customer.customer_id = customer_address.customer_id
     WHERE customer.uuid = :customer_uuid
       AND customer_address.uuid = :uuid
"""
FIND = text(_FIND)


def find(conn: Connection, customer_uuid: UUID, uuid: UUID) -> Row[Any] | None:
    """Return one of a customer's addresses, or None."""
    return conn.execute(FIND, {"customer_uuid": customer_uuid, "uuid": uuid}).one_or_none()


# Locked, so that another program, which does not lock the customer, cannot write between this and the update.
LOCK = text(f"{_FIND} FOR UPDATE OF customer_address")


def lock(conn: Connection, customer_uuid: UUID, uuid: UUID) -> Row[Any] | None:
    """Return an address, and have other writers wait for this transaction; None if there is none."""
    return conn.execute(LOCK, {"customer_uuid": customer_uuid, "uuid": uuid}).one_or_none()


CLEAR_DEFAULT = text("""
    UPDATE customer_address
       SET is_default = false,
           updated_at = now()
     WHERE customer_id = :customer_id
       AND is_default
       AND uuid IS DISTINCT FROM CAST(:but AS uuid)
""")


def clear_default(conn: Connection, customer_id: int, *, but: UUID | None = None) -> None:
    """Leave a customer without a default address, but for the one named."""
    conn.execute(CLEAR_DEFAULT, {"customer_id": customer_id, "but": but})


INSERT = text(f"""
    INSERT INTO customer_address
           (uuid, customer_id, full_name, telephone, address_1, address_2, city, province, country, postcode,
           is_default)
    SELECT :uuid, :customer_id, :full_name, :telephone, :address_1, :address_2, :city, :province, :country, :postcode,
           :is_default
     WHERE (SELECT count(*)
              FROM customer_address
             WHERE customer_id = :customer_id) < :most
    RETURNING {ADDRESS}
""")


def insert(conn: Connection, uuid: UUID, customer_id: int, values: Mapping[str, Any], *, most: int) -> Row[Any] | None:
    """Insert an address and return it; None if the customer has ``most`` already."""
    return conn.execute(INSERT, {**values, "uuid": uuid, "customer_id": customer_id, "most": most}).one_or_none()


UPDATE = text(f"""
    UPDATE customer_address
       SET (full_name, telephone, address_1, address_2, city, province, country, postcode, is_default, updated_at) =
           (:full_name, :telephone, :address_1, :address_2, :city, :province, :country, :postcode, :is_default, now())
     WHERE customer_id = :customer_id
       AND uuid = :uuid
       AND (CAST(:versions AS text[]) IS NULL OR {VERSION} = ANY(CAST(:versions AS text[])))
    RETURNING {ADDRESS}
""")


def update(
    conn: Connection, customer_id: int, uuid: UUID, values: Mapping[str, Any], versions: Sequence[str] | None
) -> Row[Any] | None:
    """Write an address as a whole and return it; None if If-Match does not match."""
    parameters = {**values, "customer_id": customer_id, "uuid": uuid, "versions": versions}
    return conn.execute(UPDATE, parameters).one_or_none()


DELETE = text(f"""
    DELETE FROM customer_address
     WHERE customer_id = :customer_id
       AND uuid = :uuid
       AND (CAST(:versions AS text[]) IS NULL OR {VERSION} = ANY(CAST(:versions AS text[])))
    RETURNING {ADDRESS}
""")


def delete(conn: Connection, customer_id: int, uuid: UUID, versions: Sequence[str] | None) -> Row[Any] | None:
    """Delete an address and return it as it was; None if If-Match does not match. Call with it locked."""
    return conn.execute(DELETE, {"customer_id": customer_id, "uuid": uuid, "versions": versions}).one_or_none()
