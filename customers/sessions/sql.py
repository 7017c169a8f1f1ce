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
       AND last_seen_at < now() - interval '1 minute'
""")


def touch(conn: Connection, digest: bytes, idle: int, lifetime: int) -> None:
    """Put off a session's idle end; at most once a minute."""
    conn.execute(TOUCH, {"digest": digest, "idle": idle, "lifetime": lifetime})


FIND_ACCOUNT = {
    "customer": text("""
        SELECT customer_id AS account_id, uuid, email, password, status = 1 AS enabled
          FROM customer
         WHERE lower(email) = lower(:email)
    """),
    "admin": text("""
        SELECT admin_user_id AS account_id, uuid, email, password, status AS enabled
          FROM admin_user
         WHERE lower(email) = lower(:email)
    """),
}


def find_account(conn: Connection, kind: Kind, email: str) -> Row[Any] | None:
    """Return the account that an address signs in to, with its hash, or None. Feeds no answer."""
    return conn.execute(FIND_ACCOUNT[kind], {"email": email}).one_or_none()


# FOR SHARE makes a login and a change of the same account take turns: without it a password change that commits
# between the check of the old password and this statement would not see the new session, nor end it.
START = {
    "customer": text("""
        INSERT INTO login_session (digest, customer_id, expires_at, ip, user_agent)
        SELECT :digest, customer_id, now() + make_interval(secs => :seconds), CAST(:ip AS inet), :user_agent
          FROM customer
         WHERE customer_id = :account_id
           AND status = 1
           AND password = :password
           FOR SHARE
    """),
    "admin": text("""
        INSERT INTO login_session (digest, admin_user_id, expires_at, ip, user_agent)
        SELECT :digest, admin_user_id, now() + make_interval(secs => :seconds), CAST(:ip AS inet), :user_agent
          FROM admin_user
         WHERE admin_user_id = :account_id
           AND status
           AND password = :password
           FOR SHARE
    """),
}


def start(
    conn: Connection,
    kind: Kind,
    *,
    digest: bytes,
    account_id: int,
    password: str,
    seconds: int,
    ip: str | None,
    user_agent: str | None,
) -> bool:
    """Start a session; return False if the account is no longer what the password was checked against."""
    started = conn.execute(
        START[kind],
        {
            "digest": digest,
            "account_id": account_id,
            "password": password,
            "seconds": seconds,
            "ip": ip,
            "user_agent": user_agent,
        },
    )
    return started.rowcount == 1


# updated_at stays: nothing that the account's owner would call a change.
RENEW_HASH = {
    "customer": text("""
        UPDATE customer
           SET password = :renewed
         WHERE customer_id = :account_id
           AND password = :password
    """),
    "admin": text("""
        UPDATE admin_user
           SET password = :renewed
         WHERE admin_user_id = :account_id
           AND password = :password
    """),
}


def renew_hash(conn: Connection, kind: Kind, account_id: int, password: str, renewed: str) -> bool:
    """Replace a hash by a stronger one of the same password; return False if it has been changed meanwhile."""
    values = {"account_id": account_id, "password": password, "renewed": renewed}
    return conn.execute(RENEW_HASH[kind], values).rowcount == 1


END = {
    "customer": text("""
        DELETE FROM login_session
         WHERE digest = :digest
           AND customer_id IS NOT NULL
    """),
    "admin": text("""
        DELETE FROM login_session
         WHERE digest = :digest
           AND admin_user_id IS NOT NULL
    """),
}


def end(conn: Connection, kind: Kind, digest: bytes) -> None:
    """End one session, if it is of this kind and there."""
    conn.execute(END[kind], {"digest": digest})


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


def end_all(conn: Connection, kind: Kind, account_id: int, *, keep: bytes | None = None) -> None:
    """End an account's sessions, but for the one to keep."""
    conn.execute(END_ALL[kind], {"account_id": account_id, "keep": keep})


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
