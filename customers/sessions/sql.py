"""The statements of logins, logouts and of telling who calls."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from customers.identity import Kind

# A session counts while its account is there and enabled, whoever disabled it.
IDENTIFY = text("""
    SELECT login_session.digest,
           login_session.created_at > now() - make_interval(secs => :recent_login) AS recent,
           login_session.last_seen_at < now() - interval '1 minute' AS unseen,
           CAST(login_session.xmin AS text) AS version,
           customer.customer_id, customer.uuid AS customer_uuid, customer.email AS customer_email,
           coalesce(customer.group_id, 1) AS group_id,
           admin_user.admin_user_id, admin_user.uuid AS admin_uuid, admin_user.email AS admin_email
      FROM login_session
      LEFT JOIN customer
        ON customer.customer_id = login_session.customer_id
       AND customer.status = 1
      LEFT JOIN admin_user
        ON admin_user.admin_user_id = login_session.admin_user_id
       AND admin_user.status
     WHERE login_session.digest = ANY(:digests)
       AND login_session.expires_at > now()
       AND num_nonnulls(customer.customer_id, admin_user.admin_user_id) = 1
""")


def identify(conn: Connection, digests: Sequence[bytes], recent_login: int) -> Sequence[Row[Any]]:
    """Return the living sessions among these, each with its account."""
    return conn.execute(IDENTIFY, {"digests": list(digests), "recent_login": recent_login}).all()


IS_ALIVE = text("""
    SELECT EXISTS (
           SELECT
             FROM login_session
            WHERE digest = :digest
              AND expires_at > now())
""")


def is_alive(conn: Connection, digest: bytes) -> bool:
    """Return whether a session has not ended."""
    alive: bool = conn.execute(IS_ALIVE, {"digest": digest}).scalar_one()
    return alive


# The condition again, so that of many requests at once one writes and the others find it done.
TOUCH = text("""
    UPDATE login_session
       SET last_seen_at = now(),
           expires_at = least(created_at + make_interval(secs => :lifetime), now() + make_interval(secs => :idle))
     WHERE digest = :digest
       AND (CAST(:always AS boolean) OR last_seen_at < now() - interval '1 minute')
""")


def touch(conn: Connection, digest: bytes, idle: int, lifetime: int, *, always: bool = False) -> None:
    """Put off a session's idle end, which gives its row a new version; at most once a minute, or always."""
    conn.execute(TOUCH, {"digest": digest, "idle": idle, "lifetime": lifetime, "always": always})


END = {
    "customer": text("""
        DELETE FROM login_session
         USING customer
         WHERE login_session.digest = :digest
           AND customer.customer_id = login_session.customer_id
        RETURNING customer.uuid
    """),
    "admin": text("""
        DELETE FROM login_session
         USING admin_user
         WHERE login_session.digest = :digest
           AND admin_user.admin_user_id = login_session.admin_user_id
        RETURNING admin_user.uuid
    """),
}


def end(conn: Connection, kind: Kind, digest: bytes) -> UUID | None:
    """End one session, if it is of this kind and there; return whose it was, or None."""
    found: UUID | None = conn.execute(END[kind], {"digest": digest}).scalar_one_or_none()
    return found


END_ALL = {
    "customer": text("""
        DELETE FROM login_session
         WHERE customer_id = :account_id
           AND digest IS DISTINCT FROM CAST(:keep AS bytea)
    """),
    "admin": text("""
        DELETE FROM login_session
         WHERE admin_user_id = :account_id
           AND digest IS DISTINCT FROM CAST(:keep AS bytea)
    """),
}


def end_all(conn: Connection, kind: Kind, account_id: int, *, keep: bytes | None = None) -> int:
    """End an account's sessions, but for the one to keep; return how many there were."""
    return conn.execute(END_ALL[kind], {"account_id": account_id, "keep": keep}).rowcount


# The customer brings a row even without sessions: then one of nulls.
LIST = text("""
    SELECT login_session.digest, login_session.uuid, login_session.created_at, login_session.last_seen_at,
           login_session.expires_at, host(login_session.ip) AS ip, login_session.user_agent
      FROM customer
      LEFT JOIN login_session
        ON login_session.customer_id = customer.customer_id
       AND login_session.expires_at > now()
     WHERE customer.uuid = :customer_uuid
     ORDER BY login_session.last_seen_at DESC, login_session.created_at DESC
""")


def list_all(conn: Connection, customer_uuid: UUID) -> Sequence[Row[Any]] | None:
    """Return a customer's living sessions, the last used first; None if there is no customer."""
    rows = conn.execute(LIST, {"customer_uuid": customer_uuid}).all()
    return [row for row in rows if row.digest is not None] if rows else None


END_ONE = text("""
    DELETE FROM login_session
     USING customer
     WHERE customer.customer_id = login_session.customer_id
       AND customer.uuid = :customer_uuid
       AND login_session.uuid = :uuid
       AND login_session.expires_at > now()
    RETURNING login_session.digest
""")


def end_one(conn: Connection, customer_uuid: UUID, uuid: UUID) -> bool:
    """End one of a customer's sessions by its public name; return whether it was there."""
    return conn.execute(END_ONE, {"customer_uuid": customer_uuid, "uuid": uuid}).one_or_none() is not None


PURGE = text("""
    DELETE FROM login_session
     WHERE digest = ANY(ARRAY(
           SELECT digest
             FROM login_session
            WHERE expires_at <= now()
            ORDER BY expires_at
            LIMIT :batch
              FOR UPDATE SKIP LOCKED))
""")


def purge(conn: Connection, batch: int) -> int:
    """Delete at most a batch of sessions that have ended; return how many there were."""
    return conn.execute(PURGE, {"batch": batch}).rowcount
