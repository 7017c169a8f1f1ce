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


# Columns of whoever calls by a session, and what they are selected from. A session counts while its account is there
# and enabled, whoever disabled it. A digest of null finds nothing. Reads on hot paths join what is asked for to these,
# so that one statement answers them.
_AGE = """login_session.created_at > now() - make_interval(secs => :recent_login) AS recent,
                  login_session.last_seen_at < now() - interval '1 minute' AS unseen"""
CUSTOMER = f"""customer.customer_id, customer.uuid, customer.email, coalesce(customer.group_id, 1) AS group_id,
                  {_AGE}"""
CUSTOMER_SESSION = """login_session
             JOIN customer
               ON customer.customer_id = login_session.customer_id
              AND customer.status = 1
              AND login_session.digest = :customer_digest
              AND login_session.expires_at > now()"""
ADMIN = f"""admin_user.admin_user_id, admin_user.uuid, admin_user.email,
                  {_AGE}"""
ADMIN_SESSION = """login_session
             JOIN admin_user
               ON admin_user.admin_user_id = login_session.admin_user_id
              AND admin_user.status
              AND login_session.digest = :admin_digest
              AND login_session.expires_at > now()"""

# Either, both or neither, in one row: the columns of CUSTOMER, then those of ADMIN.
EITHER = """customer_session.customer_id, customer_session.uuid, customer_session.email, customer_session.group_id,
           customer_session.recent, customer_session.unseen,
           admin_session.admin_user_id, admin_session.uuid, admin_session.email, admin_session.recent,
           admin_session.unseen"""
# The first item is one row without columns, so that there is a row also where no session is found.
EITHER_SESSION = f"""(SELECT) AS request
      LEFT JOIN (
           SELECT {CUSTOMER}
             FROM {CUSTOMER_SESSION}) AS customer_session
        ON true
      LEFT JOIN (
           SELECT {ADMIN}
             FROM {ADMIN_SESSION}) AS admin_session
        ON true"""
_OF_CUSTOMER, _OF_ADMIN = slice(0, 6), slice(6, 11)

IDENTIFY = text(f"""
    SELECT {EITHER}
      FROM {EITHER_SESSION}
""")


def identify(db: Database, settings: Settings, claim: Claim) -> Caller:
    """Return who is calling. Raises NotAuthenticated for a header that names no session."""
    return either(db, settings, claim, db.fetch_one(IDENTIFY, parameters(settings, claim)))


def parameters(settings: Settings, claim: Claim) -> dict[str, Any]:
    """Return the parameters of these statements."""
    return {
        "customer_digest": claim.customer_digest,
        "admin_digest": claim.admin_digest,
        "recent_login": settings.recent_login,
    }


def either(db: Database, settings: Settings, claim: Claim, found: Sequence[Any]) -> Caller:
    """Return who is calling, from a row that begins with EITHER.

    Raises NotAuthenticated for a header that names no session.
    """
    customer, admin = found[_OF_CUSTOMER], found[_OF_ADMIN]
    if claim.by_header and customer[0] is None and admin[0] is None:
        raise NotAuthenticated()
    return known(db, settings, claim, customer if customer[0] else None, admin if admin[0] else None)


def known(
    db: Database,
    settings: Settings,
    claim: Claim,
    customer: Sequence[Any] | None = None,
    admin: Sequence[Any] | None = None,
) -> Caller:
    """Return who is calling, from the columns of CUSTOMER and ADMIN; tell it to the claim.

    Puts off the idle end of a session that was not seen for a minute.
    """
    customer_account = admin_account = None
    if customer and claim.customer_digest:
        customer_id, uuid, email, group_id, recent, unseen = customer
        customer_account = Account("customer", customer_id, uuid, email, claim.customer_digest, recent, group_id)
        if unseen:
            _extend(db, claim.customer_digest, settings.customer_idle, settings.customer_lifetime)
    if admin and claim.admin_digest:
        admin_id, uuid, email, recent, unseen = admin
        admin_account = Account("admin", admin_id, uuid, email, claim.admin_digest, recent)
        if unseen:
            _extend(db, claim.admin_digest, settings.admin_idle, settings.admin_lifetime)
    claim.caller = Caller(customer_account, admin_account, claim.origin)
    return claim.caller


# The condition is repeated, so that only one of several requests at once writes.
EXTEND = text("""
    UPDATE login_session
       SET last_seen_at = now(),
           expires_at = least(created_at + make_interval(secs => :lifetime), now() + make_interval(secs => :idle))
     WHERE digest = :digest
       AND last_seen_at < now() - interval '1 minute'
""")


def _extend(db: Database, digest: bytes, idle: int, lifetime: int) -> None:
    """Put off a session's idle end; at most once a minute."""
    with db.reading() as conn:
        conn.execute(EXTEND, {"digest": digest, "idle": idle, "lifetime": lifetime})


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
