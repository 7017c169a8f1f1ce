"""The statements of a login."""

from typing import Any

from sqlalchemy import Connection, Row, text

from customers.identity import Kind

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
