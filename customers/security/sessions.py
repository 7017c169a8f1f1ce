"""Sessions: rows of `login_session`, found by the SHA-256 of the sid."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from customers.config import Settings
from customers.db.engine import Database
from customers.errors import NotAuthenticated
from customers.security.callers import Account, Caller, Claim, Kind
from customers.security.kinds import for_each_kind

_CANONICAL = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def digest(sid: str | None) -> bytes | None:
    """Return what the database knows a session by, for a sid in any spelling of its UUID; else None.

    The sid is random (122 bits), so a plain SHA-256 is enough.
    """
    if not sid:
        return None
    try:
        written = sid if _CANONICAL.fullmatch(sid) else str(UUID(sid))
    except ValueError:
        return None
    return hashlib.sha256(written.encode()).digest()


# Who calls by a session, while the account is there and enabled, whoever disabled it: the columns of an account, the
# same for each kind, and what they are selected from. Reads on hot paths join what is asked for to this, so that one
# statement answers them. A digest of null finds nothing.
_AGE = """login_session.created_at > now() - make_interval(secs => :recent_login) AS recent,
                  login_session.last_seen_at < now() - interval '1 minute' AS unseen"""

CUSTOMER = f"""false AS is_admin, customer.customer_id, customer.uuid, customer.email,
                  coalesce(customer.group_id, 1) AS group_id, {_AGE}"""
CUSTOMER_SESSION = """login_session
             JOIN customer
               ON customer.customer_id = login_session.customer_id
              AND customer.status = 1
              AND login_session.digest = :customer_digest
              AND login_session.expires_at > now()"""

ADMIN = f"""true AS is_admin, admin_user.admin_user_id, admin_user.uuid, admin_user.email, 1 AS group_id, {_AGE}"""
ADMIN_SESSION = """login_session
             JOIN admin_user
               ON admin_user.admin_user_id = login_session.admin_user_id
              AND admin_user.status
              AND login_session.digest = :admin_digest
              AND login_session.expires_at > now()"""

ANYONE = f"""admin_user.admin_user_id IS NOT NULL AS is_admin,
           coalesce(admin_user.admin_user_id, own.customer_id) AS account_id,
           coalesce(admin_user.uuid, own.uuid) AS uuid, coalesce(admin_user.email, own.email) AS email,
           coalesce(own.group_id, 1) AS group_id,
           {_AGE}"""
ANY_SESSION = """login_session
      LEFT JOIN customer AS own
        ON own.customer_id = login_session.customer_id
       AND own.status = 1
      LEFT JOIN admin_user
        ON admin_user.admin_user_id = login_session.admin_user_id
       AND admin_user.status"""
IS_ANYONE = """login_session.digest = :digest
       AND login_session.expires_at > now()
       AND (own.customer_id IS NOT NULL OR admin_user.admin_user_id IS NOT NULL)"""

IDENTIFY = text(f"""
    SELECT {ANYONE}
      FROM {ANY_SESSION}
     WHERE {IS_ANYONE}
""")


def identify(db: Database, settings: Settings, claim: Claim) -> Caller:
    """Return who is calling. Raises NotAuthenticated for a header that names no session."""
    caller = claim.caller
    for digest in claim.digests:
        row = db.one_or_none(IDENTIFY, {"digest": digest, "recent_login": settings.recent_login})
        if row is not None:
            found = know(db, settings, claim, digest, row)
            caller = Caller(found.customer or caller.customer, found.admin or caller.admin, claim.origin)
    if caller.anonymous and claim.by_header:
        raise NotAuthenticated()
    claim.caller = caller
    return caller


def know(db: Database, settings: Settings, claim: Claim, digest: bytes | None, row: Sequence[Any]) -> Caller:
    """Return the caller that ``row``, the columns of a session's account, describes, and store it in the claim.

    Extends the idle time of a session that was last seen over a minute ago.
    """
    assert digest is not None, "a session has been found by it"
    is_admin, account_id, uuid, email, group_id, recent, unseen = row
    kind: Kind = "admin" if is_admin else "customer"
    account = Account(kind, account_id, uuid, email, digest, recent, group_id)
    if unseen:
        idle, lifetime = settings.session_times(kind)
        with db.autocommit() as conn:
            conn.execute(EXTEND, {"digest": digest, "idle": idle, "lifetime": lifetime})
    claim.caller = Caller(None, account, claim.origin) if is_admin else Caller(account, None, claim.origin)
    return claim.caller


# The condition is repeated, so that only one of several requests at once writes.
EXTEND = text("""
    UPDATE login_session
       SET last_seen_at = now(),
           expires_at = least(created_at + make_interval(secs => :lifetime), now() + make_interval(secs => :idle))
     WHERE digest = :digest
       AND last_seen_at < now() - interval '1 minute'
""")


IS_ALIVE = text("""
    SELECT digest
      FROM login_session
     WHERE digest = :digest
       AND expires_at > now()
       FOR KEY SHARE
""")


def require_alive(conn: Connection, caller: Caller) -> None:
    """Raise NotAuthenticated if the session of a customer's request has ended since the request came in.

    Call with the customer's row locked, as all do that end several sessions. The session's row is locked as well: who
    is just ending it waits until the change is committed, or has it refused.
    """
    own = caller.customer if caller.admin is None else None
    if own is not None and conn.execute(IS_ALIVE, {"digest": own.digest}).one_or_none() is None:
        raise NotAuthenticated()


END_ALL = for_each_kind("""
    DELETE FROM login_session
     WHERE {account_id} = :account_id
       AND digest IS DISTINCT FROM CAST(:keep AS bytea)
""")


def end_all(conn: Connection, kind: Kind, account_id: int, *, keep: bytes | None = None) -> int:
    """End an account's sessions, but for the one to keep; return how many there were."""
    return conn.execute(END_ALL[kind], {"account_id": account_id, "keep": keep}).rowcount


# What somebody else is ending is left to them: the two might wait for each other.
END_EXCESS = for_each_kind("""
    DELETE FROM login_session
     WHERE digest = ANY(ARRAY(
           SELECT digest
             FROM login_session
            WHERE digest = ANY(ARRAY(
                  SELECT digest
                    FROM login_session
                   WHERE {account_id} = :account_id
                   ORDER BY last_seen_at DESC, created_at DESC
                  OFFSET :most))
              FOR UPDATE SKIP LOCKED))
""")


def end_excess(conn: Connection, kind: Kind, account_id: int, most: int) -> None:
    """End the least recently used sessions of an account beyond so many."""
    conn.execute(END_EXCESS[kind], {"account_id": account_id, "most": most})
