"""The statements of logins, logouts and lists of sessions."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from customers.db.engine import Database, Fetch
from customers.security import guesses, limits, trail
from customers.security.callers import Account, Kind, Origin
from customers.security.guesses import Guess
from customers.security.kinds import for_each_kind

# The lock makes logins and changes of one account take turns: so a change of the password sees, and ends, the session
# that the old one has just started.
START = for_each_kind(f"""
      WITH account AS MATERIALIZED (
           SELECT {{account_id}}, uuid
             FROM {{table}}
            WHERE {{account_id}} = :account_id
              AND {{enabled}}
              AND password = :password
              FOR NO KEY UPDATE),
           started AS (
           INSERT INTO login_session (digest, {{account_id}}, expires_at, ip, user_agent)
           SELECT :digest, {{account_id}}, now() + make_interval(secs => :seconds), CAST(:ip AS inet), :user_agent
             FROM account),
           remembered AS (
           {guesses.REMEMBERING.format(source="account")}),
           recorded AS (
           {trail.recording("'login_succeeded'", "'{kind}', uuid", "{kind}", "CAST('{{}}' AS jsonb)", "account")})
    SELECT {limits.FORGIVING},
           (SELECT count(*)
              FROM login_session
             WHERE login_session.{{account_id}} = account.{{account_id}}) AS others
      FROM account
""")


def new_session(account: Account, guess: Guess, password: str, seconds: int, origin: Origin) -> dict[str, Any]:
    """Return the values of a session for start(); ``password`` is the hash that the guess was checked against."""
    values = {"digest": account.digest, "account_id": account.account_id, "password": password, "seconds": seconds}
    return {**values, **guess.forgiving, **origin._asdict(), "network": origin.network or None}


def start(fetch: Fetch, kind: Kind, values: Mapping[str, Any]) -> int | None:
    """Start a session, record it in the trail, and forgive the failures that its login clears.

    Return how many sessions the account had already; None, and nothing is done, if the account is no longer what the
    password was checked against.
    """
    row = fetch(START[kind], values)
    return None if row is None else row[1]


# updated_at stays: nothing that the account's owner would call a change.
RENEW_HASH = for_each_kind("""
    UPDATE {table}
       SET password = :renewed
     WHERE {account_id} = :account_id
       AND password = :password
""")


def renew_hash(db: Database, kind: Kind, account_id: int, password: str, renewed: str) -> bool:
    """Replace a hash by a stronger one of the same password; return False if it has been changed meanwhile."""
    values = {"account_id": account_id, "password": password, "renewed": renewed}
    with db.autocommit() as conn:
        return conn.execute(RENEW_HASH[kind], values).rowcount == 1


END = for_each_kind("""
    DELETE FROM login_session
     USING {table}
     WHERE login_session.digest = :digest
       AND {table}.{account_id} = login_session.{account_id}
    RETURNING {table}.uuid
""")


def end(conn: Connection, kind: Kind, digest: bytes) -> UUID | None:
    """End one session, if it is of this kind and there; return whose it was, or None."""
    found: UUID | None = conn.execute(END[kind], {"digest": digest}).scalar_one_or_none()
    return found


# LEFT JOIN: a customer without sessions is one row of nulls.
LIST = text("""
    SELECT login_session.digest, login_session.uuid, customers_time(login_session.created_at) AS created_at,
           customers_time(login_session.last_seen_at) AS last_seen_at,
           customers_time(login_session.expires_at) AS expires_at, host(login_session.ip) AS ip,
           login_session.user_agent
      FROM customer
      LEFT JOIN login_session
        ON login_session.customer_id = customer.customer_id
       AND login_session.expires_at > now()
     WHERE customer.uuid = :customer_uuid
     ORDER BY login_session.last_seen_at DESC, login_session.created_at DESC
     LIMIT :most
""")


def list_all(conn: Connection, customer_uuid: UUID, most: int) -> Sequence[Row[Any]] | None:
    """Return a customer's live sessions, the last used first, at most so many; None if there is no customer."""
    rows = conn.execute(LIST, {"customer_uuid": customer_uuid, "most": most}).all()
    return [row for row in rows if row.digest is not None] if rows else None


END_ONE = text("""
    DELETE FROM login_session
     USING customer
     WHERE customer.customer_id = login_session.customer_id
       AND customer.uuid = :customer_uuid
       AND login_session.uuid = :uuid
       AND login_session.expires_at > now()
""")


def end_one(conn: Connection, customer_uuid: UUID, uuid: UUID) -> bool:
    """End one of a customer's sessions by its public name; return whether it was there."""
    return conn.execute(END_ONE, {"customer_uuid": customer_uuid, "uuid": uuid}).rowcount > 0


END_SECRETS = text("""
    DELETE FROM reset_password_token
     WHERE customer_id = :customer_id
""")


def end_secrets(conn: Connection, customer_id: int) -> None:
    """Make the secrets of a customer's reset mails useless: whoever has them may be who is being thrown out."""
    conn.execute(END_SECRETS, {"customer_id": customer_id})


# An admin who cannot get in any more is the reason for a reset, so it enables the account, too.
SET_ADMIN = text("""
    INSERT INTO admin_user AS known (email, password, full_name)
    VALUES (:email, :password, :full_name)
        ON CONFLICT (customers_fold(email)) DO UPDATE
       SET password = excluded.password,
           full_name = coalesce(excluded.full_name, known.full_name),
           status = true,
           updated_at = now()
     WHERE :reset
    RETURNING admin_user_id, uuid, email, xmax = 0 AS created
""")


def set_admin(conn: Connection, *, email: str, password: str, full_name: str | None, reset: bool) -> Row[Any] | None:
    """Insert an admin, or with ``reset`` change the one there is; None where one is there without. A hash is set."""
    values = {"email": email, "password": password, "full_name": full_name, "reset": reset}
    return conn.execute(SET_ADMIN, values).one_or_none()
