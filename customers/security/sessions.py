"""Sessions: rows of `login_session`, found by the SHA-256 of the sid."""

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from customers.config import Settings
from customers.db.engine import Database
from customers.errors import NotAuthenticated
from customers.security.callers import Account, Caller, Claim, Kind
from customers.security.kinds import for_each_kind


def digest(sid: str | None) -> bytes | None:
    """Return what the database knows a session by, for a sid in any spelling of its UUID; else None.

    The sid is random (122 bits), so a plain SHA-256 is enough.
    """
    try:
        return hashlib.sha256(str(UUID(sid)).encode()).digest() if sid else None
    except ValueError:
        return None


# The session of a customer, while the account is there and enabled: its columns, and where they are from.
CUSTOMER = """customer.customer_id, customer.uuid, customer.email, coalesce(customer.group_id, 1) AS group_id,
                  login_session.created_at > now() - make_interval(secs => :recent_login) AS recent,
                  login_session.last_seen_at < now() - interval '1 minute' AS unseen"""
CUSTOMER_SESSION = """login_session
             JOIN customer
               ON customer.customer_id = login_session.customer_id
              AND customer.status = 1
            WHERE login_session.digest = :customer_digest
              AND login_session.expires_at > now()"""

# Who is calling, in one row: a customer, an admin, both or nobody. A session counts while its account is there and
# enabled, whoever disabled it. A digest of null finds nothing. Reads on hot paths select CALLER from SESSIONS and join
# what is asked for, so that one statement answers them. Two columns of JSON cost the driver less than a dozen others.
CALLER = "row_to_json(customer_session) AS customer, row_to_json(admin_session) AS admin"
# The first item is one row without columns, so that there is a row also where no session is found.
SESSIONS = f"""(SELECT) AS request
      LEFT JOIN (
           SELECT {CUSTOMER}
             FROM {CUSTOMER_SESSION}) AS customer_session
        ON true
      LEFT JOIN (
           SELECT admin_user.admin_user_id, admin_user.uuid, admin_user.email,
                  login_session.created_at > now() - make_interval(secs => :recent_login) AS recent,
                  login_session.last_seen_at < now() - interval '1 minute' AS unseen
             FROM login_session
             JOIN admin_user
               ON admin_user.admin_user_id = login_session.admin_user_id
              AND admin_user.status
            WHERE login_session.digest = :admin_digest
              AND login_session.expires_at > now()) AS admin_session
        ON true"""

IDENTIFY = text(f"""
    SELECT {CALLER}
      FROM {SESSIONS}
""")


def identify(db: Database, settings: Settings, claim: Claim) -> Caller:
    """Return who is calling. Raises NotAuthenticated for a header that names no session."""
    return settle(db, settings, claim, *db.fetch_one(IDENTIFY, parameters(settings, claim)))


def parameters(settings: Settings, claim: Claim) -> dict[str, Any]:
    """Return the parameters of SESSIONS."""
    return {
        "customer_digest": claim.customer_digest,
        "admin_digest": claim.admin_digest,
        "recent_login": settings.recent_login,
    }


def settle(
    db: Database,
    settings: Settings,
    claim: Claim,
    customer_found: dict[str, Any] | None,
    admin_found: dict[str, Any] | None,
) -> Caller:
    """Return who is calling, from the columns of CALLER; put off the idle end of a session not seen for a minute.

    Raises NotAuthenticated for a header that names no session.
    """
    customer = admin = None
    if customer_found is not None:
        found = {**customer_found, "uuid": UUID(customer_found["uuid"])}
        customer = settle_customer(db, settings, claim, **found).customer
    if admin_found is not None and claim.admin_digest:
        admin = Account(
            "admin",
            admin_found["admin_user_id"],
            UUID(admin_found["uuid"]),
            admin_found["email"],
            claim.admin_digest,
            admin_found["recent"],
        )
        if admin_found["unseen"]:
            touch(db, claim.admin_digest, settings.admin_idle, settings.admin_lifetime)
    if claim.by_header and customer is None and admin is None:
        raise NotAuthenticated()
    claim.caller = Caller(customer, admin, claim.origin)
    return claim.caller


def settle_customer(
    db: Database,
    settings: Settings,
    claim: Claim,
    customer_id: int,
    uuid: UUID,
    email: str,
    group_id: int,
    recent: bool,
    unseen: bool,
) -> Caller:
    """Return the customer who is calling, from the columns of CUSTOMER, as settle() does."""
    assert claim.customer_digest is not None, "a session has been found by it"
    if unseen:
        touch(db, claim.customer_digest, settings.customer_idle, settings.customer_lifetime)
    account = Account("customer", customer_id, uuid, email, claim.customer_digest, recent, group_id)
    claim.caller = Caller(account, None, claim.origin)
    return claim.caller


# The condition is repeated, so that only one of several requests at once writes.
TOUCH = text("""
    UPDATE login_session
       SET last_seen_at = now(),
           expires_at = least(created_at + make_interval(secs => :lifetime), now() + make_interval(secs => :idle))
     WHERE digest = :digest
       AND last_seen_at < now() - interval '1 minute'
""")


def touch(db: Database, digest: bytes, idle: int, lifetime: int) -> None:
    """Put off a session's idle end; at most once a minute."""
    with db.reading() as conn:
        conn.execute(TOUCH, {"digest": digest, "idle": idle, "lifetime": lifetime})


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
