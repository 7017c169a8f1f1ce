"""The statements on password reset tokens."""

from typing import Any

from sqlalchemy import Connection, Row, text

# Locked, so that of two mails for one account the second sees the first.
FIND_ACTIVE = text("""
    SELECT customer_id, email, full_name
      FROM customer
     WHERE lower(email) = lower(:email)
       AND status = 1
       FOR NO KEY UPDATE
""")


def find_active(conn: Connection, email: str) -> Row[Any] | None:
    """Return the active account of an address, or None; another sender waits until this transaction ends."""
    return conn.execute(FIND_ACTIVE, {"email": email}).one_or_none()


INSERT = text("""
    INSERT INTO reset_password_token (customer_id, token)
    VALUES (:customer_id, :token)
""")


def insert(conn: Connection, customer_id: int, token: str) -> None:
    """Store a token: the hex SHA-256 of the secret."""
    conn.execute(INSERT, {"customer_id": customer_id, "token": token})


IS_VALID = text("""
    SELECT EXISTS (
           SELECT
             FROM reset_password_token
             JOIN customer USING (customer_id)
            WHERE reset_password_token.token = :token
              AND reset_password_token.created_at > now() - make_interval(secs => :lifetime)
              AND customer.status = 1)
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
    """Have whoever else would change the token's customer wait for this transaction."""
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


SET_PASSWORD = text("""
    UPDATE customer
       SET password = :password,
           updated_at = now()
     WHERE customer_id = :customer_id
       AND status = 1
    RETURNING uuid, email
""")


def set_password(conn: Connection, customer_id: int, password: str) -> Row[Any] | None:
    """Give an active account a new hash and return its uuid and address, or None."""
    return conn.execute(SET_PASSWORD, {"customer_id": customer_id, "password": password}).one_or_none()


FORGET = text("""
    DELETE FROM reset_password_token
     WHERE customer_id = :customer_id
""")


def forget(conn: Connection, customer_id: int) -> None:
    """Make all of a customer's tokens useless."""
    conn.execute(FORGET, {"customer_id": customer_id})


PURGE = text("""
    DELETE FROM reset_password_token
     WHERE reset_password_token_id = ANY(ARRAY(
           SELECT reset_password_token_id
             FROM reset_password_token
            WHERE created_at <= now() - make_interval(secs => :lifetime)
            ORDER BY created_at
            LIMIT :batch
              FOR UPDATE SKIP LOCKED))
""")


def purge(conn: Connection, lifetime: int, batch: int) -> int:
    """Delete at most a batch of tokens older than their lifetime; return how many there were."""
    return conn.execute(PURGE, {"lifetime": lifetime, "batch": batch}).rowcount
