"""The acts of signing in, signing out, and telling who calls (CONTRACT section 2)."""

import hashlib
import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from customers.accounts import sql as accounts
from customers.audit import trail
from customers.audit.trail import Subject
from customers.errors import CustomerNotFound, InvalidCredentials, NotAuthenticated, SessionNotFound, TooManyAttempts
from customers.identity import Actor, Caller, Identity, Kind, Origin
from customers.limits import guesses, sql as networks
from customers.resources import Resources
from customers.sessions import login_sql, sql

log = logging.getLogger(__name__)


def digest(sid: str) -> bytes:
    """Return what the database knows a session by. The sid is random (122 bits), so a plain SHA-256 is enough."""
    return hashlib.sha256(sid.encode(errors="surrogateescape")).digest()


def log_in(resources: Resources, kind: Kind, email: str, password: str, origin: Origin) -> tuple[str, Identity]:
    """Check a password and start a session; return its sid, which nobody will see again, and who it is.

    Raises InvalidCredentials, alike and after equal work for an unknown address, a wrong password and a disabled
    account; TooManyAttempts before any of that, and whatever the account; and Busy.
    """
    try:
        with guesses.counted(resources, kind, email, Actor("anonymous", None, origin), "login_failed"):
            sid, identity = _start(resources, kind, email, password, origin)
    except TooManyAttempts:
        resources.metrics.login(kind, "throttled")
        raise
    except InvalidCredentials:
        resources.metrics.login(kind, "failed")
        raise
    resources.metrics.login(kind, "ok")
    return sid, identity


def _start(resources: Resources, kind: Kind, email: str, password: str, origin: Origin) -> tuple[str, Identity]:
    """Start a session if the password is right; return its sid and who it is. Raises InvalidCredentials, Busy."""
    # Twice at most: the hash that the password was checked against may have been replaced before the session starts,
    # by a change of the password, or by the renewal that another login of the same account made. A second look tells.
    for _ in range(2):
        account = _verified(resources, kind, email, password)
        renewed = resources.passwords.renewed(password, account.password)
        sid = str(uuid4())
        with resources.database.writing() as conn:
            hashed = account.password
            if renewed is not None and login_sql.renew_hash(conn, kind, account.account_id, hashed, renewed):
                hashed = renewed
            started = login_sql.start(
                conn,
                kind,
                digest=digest(sid),
                account_id=account.account_id,
                password=hashed,
                seconds=min(_lifetimes(resources, kind)),
                ip=origin.ip,
                user_agent=origin.user_agent,
            )
            if started:
                if origin.network:
                    networks.remember_network(conn, kind, account.account_id, origin.network)
                actor = Actor(kind, account.uuid, origin)
                trail.record(conn, actor, Subject(kind, account.uuid), {"login_succeeded": {}})
        if started:
            return sid, Identity(kind, account.account_id, account.uuid, account.email, digest(sid), recent=True)
    raise InvalidCredentials()


def _verified(resources: Resources, kind: Kind, email: str, password: str) -> Row[Any]:
    """Return the account that an address and a password sign in to. Raises InvalidCredentials, Busy."""
    with resources.database.reading() as conn:
        account = login_sql.find_account(conn, kind, email)
    enabled = account is not None and account.enabled
    if not resources.passwords.verify(password, account.password if account is not None and enabled else None):
        raise InvalidCredentials()
    assert account is not None, "nothing verifies without an account"
    return account


def log_out(resources: Resources, kind: Kind, sid: str, origin: Origin) -> None:
    """End a session of this kind of account; one that has ended already is as well."""
    with resources.database.writing() as conn:
        uuid = sql.end(conn, kind, digest(sid))
        if uuid is not None:
            trail.record(conn, Actor(kind, uuid, origin), Subject(kind, uuid), {"logged_out": {}})


def list_all(resources: Resources, caller: Caller, customer_uuid: UUID) -> list[dict[str, Any]]:
    """Return a customer's living sessions, the last used first, and which is the caller's. Raises CustomerNotFound."""
    with resources.database.reading() as conn:
        found = sql.list_all(conn, customer_uuid)
    if found is None:
        raise CustomerNotFound()
    own = caller.customer.digest if caller.customer else None
    return [{**session._mapping, "current": session.digest == own} for session in found]


def end_one(resources: Resources, caller: Caller, customer_uuid: UUID, uuid: UUID) -> None:
    """End one of a customer's sessions. Raises SessionNotFound."""
    with resources.database.writing() as conn:
        if not sql.end_one(conn, customer_uuid, uuid):
            raise SessionNotFound()
        trail.record(conn, caller.actor, Subject("customer", customer_uuid), {"sessions_ended": {"sessions_ended": 1}})


def end_others(resources: Resources, caller: Caller, customer_uuid: UUID) -> None:
    """End all of a customer's sessions but the caller's own. Raises CustomerNotFound, NotAuthenticated."""
    own = caller.customer.digest if caller.customer else None
    with resources.database.writing() as conn:
        customer = accounts.lock(conn, customer_uuid)
        if customer is None:
            raise CustomerNotFound()
        # Behind the lock: of two who throw each other out, the second has been thrown out already.
        if caller.admin is None and own is not None and not sql.is_alive(conn, own):
            raise NotAuthenticated()
        ended = sql.end_all(conn, "customer", customer.customer_id, keep=own)
        details = {"sessions_ended": ended}
        trail.record(conn, caller.actor, Subject("customer", customer_uuid), {"sessions_ended": details})


def identify(resources: Resources, sids: Iterable[str], origin: Origin) -> Caller:
    """Return who is signed in by these sids; those that name no living session count for nothing."""
    with resources.database.reading() as conn:
        found = sql.identify(conn, [digest(sid) for sid in sids], resources.settings.recent_login)
        for session in found:
            if session.unseen:
                idle, lifetime = _lifetimes(resources, "admin" if session.admin_user_id else "customer")
                sql.touch(conn, session.digest, idle, lifetime)
    return Caller(
        customer=next((_customer(session) for session in found if session.customer_id), None),
        admin=next((_admin(session) for session in found if session.admin_user_id), None),
        origin=origin,
    )


def note_write(resources: Resources, caller: Caller) -> None:
    """Have the next list of an admin who has just written show it, though a replica may serve the list.

    The session's row is changed after the write, so that a replica that shows the row as the primary does has replayed
    the write, too. The answer waits for it.
    """
    if resources.replica is None or caller.admin is None:
        return
    try:
        with resources.database.reading() as conn:
            sql.touch(conn, caller.admin.digest, *_lifetimes(resources, "admin"), always=True)
    except SQLAlchemyError as error:
        # The write has been made, and that is what the caller is told.
        cause = getattr(error, "orig", None) or error
        log.warning("a list of customers may lag behind a write: %s", " ".join(str(cause).split()))


def _lifetimes(resources: Resources, kind: Kind) -> tuple[int, int]:
    """Return a kind's idle and absolute lifetimes, in seconds."""
    settings = resources.settings
    if kind == "admin":
        return settings.admin_idle, settings.admin_lifetime
    return settings.customer_idle, settings.customer_lifetime


def _customer(session: Row[Any]) -> Identity:
    return Identity(
        "customer",
        session.customer_id,
        session.customer_uuid,
        session.customer_email,
        session.digest,
        session.recent,
        group_id=session.group_id,
    )


def _admin(session: Row[Any]) -> Identity:
    return Identity(
        "admin",
        session.admin_user_id,
        session.admin_uuid,
        session.admin_email,
        session.digest,
        session.recent,
        version=None if session.unseen else session.version,
    )
