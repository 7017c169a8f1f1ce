"""The statements on passwords and their reset tokens."""

from typing import Any

from sqlalchemy import Connection, Row, text

FIND_HASH = text("""
    SELECT password
      FROM customer
     WHERE customer_id = :customer_id
""")


def find_hash(conn: Connection, customer_id: int) -> str | None:
    """Return a customer's hash, or None. Feeds no answer."""
    found: str | None = conn.execute(FIND_HASH, {"customer_id": customer_id}).scalar_one_or_none()
    return found


IS_VALID = text("""
    SELECT EXISTS (
           SELECT
             FROM reset_password_token
             JOIN customer USING (customer_id)
            WHERE reset_password_token.token = :token
              AND reset_password_token.created_at > now() - make_interval(secs => :lifetime)
              AND (customer.status = 1
                   OR EXISTS (SELECT
                                FROM pending_customer
                               WHERE pending_customer.customer_id = customer.customer_id)))
""")


def is_valid(conn: Connection, token: str, lifetime: int) -> bool:
    """Return whether a token could be used now."""
    valid: bool = conn.execute(IS_VALID, {"token": token, "lifetime": lifetime}).scalar_one()
    return valid


# Before its token: everything else that writes tokens locks the customer first.
LOCK_OWNER = text("""
    SELECT customer_id
      FROM customer
     WHERE customer_id = ANY(ARRAY(
           SELECT customer_id
             FROM reset_password_token
            WHERE token = :token))
       FOR UPDATE
""")


def lock_owner(conn: Connection, token: str) -> None:
    """Have other writers of the token's customer wait for this transaction."""
    conn.execute(LOCK_OWNER, {"token": token})


# The database decides which of several at once is the one that uses it.
USE = text("""
    DELETE FROM reset_password_token
     WHERE token = :token
       AND created_at > now() - make_interval(secs => :lifetime)
    RETURNING customer_id
""")


def use(conn: Connection, token: str, lifetime: int) -> int | None:
    """Use a token up and return whose it was; None if it is unknown, used, or too old."""
    found: int | None = conn.execute(USE, {"token": token, "lifetime": lifetime}).scalar()
    return found


# A change of the password deletes all the account's tokens, by a trigger in schema.sql. A token proves that the owner
# reads the account's mail, which is what a pending account waits for.
SET_PASSWORD = text("""
    UPDATE customer
       SET password = :password,
           status = 1,
           updated_at = now()
      FROM (SELECT customer_id, status
              FROM customer
             WHERE customer_id = :customer_id) AS before
     WHERE customer.customer_id = before.customer_id
       AND (customer.status = 1
            OR EXISTS (SELECT FROM pending_customer WHERE pending_customer.customer_id = customer.customer_id))
    RETURNING customer.customer_id, customer.uuid, customer.email, before.status
""")


def set_password(conn: Connection, customer_id: int, password: str) -> Row[Any] | None:
    """Give an active or pending account a new hash, and make it active; return it with the status before, or None."""
    return conn.execute(SET_PASSWORD, {"customer_id": customer_id, "password": password}).one_or_none()
