"""The statements on passwords and their reset tokens."""

from uuid import UUID

from sqlalchemy import Connection, text

FIND_HASH = text("""
    SELECT password
      FROM customer
     WHERE customer_id = :customer_id
""")


def find_hash(conn: Connection, customer_id: int) -> str | None:
    """Return a customer's hash, or None. Feeds no answer."""
    found: str | None = conn.execute(FIND_HASH, {"customer_id": customer_id}).scalar_one_or_none()
    return found


FIND_OWNER = text("""
    SELECT customer.uuid
      FROM reset_password_token
      JOIN customer USING (customer_id)
     WHERE reset_password_token.token = :token
       AND reset_password_token.created_at > now() - make_interval(secs => :lifetime)
""")


def find_owner(conn: Connection, token: str, lifetime: int) -> UUID | None:
    """Return the uuid of the customer whose token this is; None if it is unknown, used, or too old."""
    found: UUID | None = conn.execute(FIND_OWNER, {"token": token, "lifetime": lifetime}).scalar()
    return found


USE = text("""
    DELETE FROM reset_password_token
     WHERE token = :token
       AND created_at > now() - make_interval(secs => :lifetime)
""")


def use(conn: Connection, token: str, lifetime: int) -> bool:
    """Use a token up; return whether it could be used. Call with its customer locked."""
    return conn.execute(USE, {"token": token, "lifetime": lifetime}).rowcount > 0


# A change of the password deletes all the account's tokens, by a trigger in schema.sql. A token proves that the owner
# reads the account's mail, which is what a pending account waits for.
SET_PASSWORD = text("""
    UPDATE customer
       SET password = :password,
           status = 1,
           updated_at = now()
     WHERE customer_id = :customer_id
       AND (CAST(:former AS varchar) IS NULL OR password = CAST(:former AS varchar))
       AND (status = 1
            OR EXISTS (SELECT FROM pending_customer WHERE pending_customer.customer_id = customer.customer_id))
""")


def set_password(conn: Connection, customer_id: int, password: str, *, former: str | None = None) -> bool:
    """Give an active or pending account a new hash, and make it active; return whether it is such an account.

    With ``former``, only while its hash is still that one.
    """
    values = {"customer_id": customer_id, "password": password, "former": former}
    return conn.execute(SET_PASSWORD, values).rowcount > 0
