"""The acts of signing in and out, and of making admins."""

from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Row

from customers.context import Context
from customers.errors import (
    CustomerNotFound,
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    SessionNotFound,
    TooManyAttempts,
    found,
)
from customers.features.accounts import sql as accounts
from customers.features.sessions import sql
from customers.security import guesses, sessions, trail
from customers.security.callers import OPERATOR, Account, Actor, Caller, Kind, Origin
from customers.security.guesses import Found, Guess
from customers.security.trail import Details, Event, Subject
from customers.telemetry import metrics


class Started(NamedTuple):
    """A session that a login has started: its sid, which nobody will see again, and whose it is."""

    sid: str
    account: Account
    evershop_sid: str | None = None  # its sid in EverShop's table


def log_in(ctx: Context, kind: Kind, email: str, password: str, origin: Origin, former: str | None = None) -> Started:
    """Check a password and start a session. ``former`` is EverShop's sid that came with the request.

    A failure is alike, after equal work, for an unknown e-mail, a wrong password and a disabled account.
    Raises InvalidCredentials, TooManyAttempts, Busy.
    """
    anonymous = Actor("anonymous", None, origin)
    try:
        with (
            ctx.hasher.place(origin.network),
            guesses.counted(ctx.db, ctx.settings, kind, email, anonymous, "login_failed") as guess,
        ):
            started = _start(ctx, kind, guess, email, password, origin, former)
    except (TooManyAttempts, InvalidCredentials) as refusal:
        metrics.logins.labels(kind, "throttled" if isinstance(refusal, TooManyAttempts) else "failed").inc()
        raise
    metrics.logins.labels(kind, "ok").inc()
    uuid = started.account.uuid
    trail.write_lines(Actor(kind, uuid, origin), Subject(kind, uuid), {"login_succeeded": {}})
    return started


def _start(
    ctx: Context, kind: Kind, guess: Guess, email: str, password: str, origin: Origin, former: str | None
) -> Started:
    """Start a session if the password is right. Raises InvalidCredentials, Busy."""
    account = guess.account
    # Twice at most: the hash that the password was checked against may have been replaced before the session starts, by
    # a change of the password, or by the renewal that another login of the same account made. A second look tells.
    for _ in range(2):
        verified = ctx.hasher.verify(password, account.password if account and account.enabled else None)
        if account is None or not verified:
            raise InvalidCredentials()
        hashed, renewed = account.password, ctx.hasher.renewed(password, account.password)
        if renewed is not None and sql.renew_hash(ctx.db, kind, account.account_id, hashed, renewed):
            hashed = renewed
        started = _insert(ctx, kind, guess, account._replace(password=hashed), origin, former)
        if started is not None:
            guess.forgiven = True
            return started
        account = guesses.find_account(ctx.db, kind, email)
    raise InvalidCredentials()


def _insert(ctx: Context, kind: Kind, guess: Guess, found: Found, origin: Origin, former: str | None) -> Started | None:
    """Insert a session, in one statement, or with EverShop's in one transaction; None if the hash is another by now."""
    most, sid = ctx.settings.max_sessions, str(uuid4())
    digest = sessions.digest(sid)
    assert digest is not None, "a uuid has a digest"
    account = Account(kind, found.account_id, found.uuid, found.email, digest, recent=True)
    values = sql.new_session(account, guess, found.password, min(ctx.settings.session_times(kind)), origin)
    evershop_sid = None
    if ctx.evershop is None:
        others = sql.start(ctx.db.one_or_none, kind, values)
    else:
        with ctx.db.writing() as tx:
            others = sql.start(tx.one_or_none, kind, values)
            if others is not None:
                evershop_sid = ctx.evershop.start(tx, account, former)
    if others is None:
        return None
    # From half of the maximum on, because logins at the same moment do not count each other's session yet.
    if 2 * (others + 1) > most:
        with ctx.db.autocommit() as conn:
            sessions.end_excess(conn, kind, account.account_id, most)
    return Started(sid, account, evershop_sid)


def log_out(ctx: Context, kind: Kind, digest: bytes, origin: Origin) -> None:
    """End a session of this kind of account; one that has ended already is fine."""
    with ctx.db.writing() as tx:
        uuid = sql.end(tx.conn, kind, digest)
        if uuid is not None:
            trail.record(tx, Actor(kind, uuid, origin), Subject(kind, uuid), {"logged_out": {}})


def list_all(ctx: Context, caller: Caller, customer_uuid: UUID) -> list[dict[str, Any]]:
    """Return a customer's live sessions, the last used first, and which is the caller's. Raises CustomerNotFound."""
    with ctx.db.autocommit() as conn:
        listed = found(sql.list_all(conn, customer_uuid, ctx.settings.max_sessions), CustomerNotFound)
    own = caller.customer.digest if caller.customer else None
    return [{**session._mapping, "current": session.digest == own} for session in listed]


def end_one(ctx: Context, caller: Caller, customer_uuid: UUID, uuid: UUID) -> None:
    """End one of a customer's sessions. Raises SessionNotFound."""
    with ctx.db.writing() as tx:
        if not sql.end_one(tx.conn, customer_uuid, uuid):
            raise SessionNotFound()
        details = {"sessions_ended": 1}
        trail.record(tx, caller.actor, Subject("customer", customer_uuid), {"sessions_ended": details})


def end_others(ctx: Context, caller: Caller, customer_uuid: UUID) -> None:
    """End all of a customer's sessions but the caller's own; if an admin does it, open reset links end, too.

    Raises CustomerNotFound, NotAuthenticated.
    """
    own = caller.customer.digest if caller.customer else None
    with ctx.db.writing() as tx:
        customer = found(accounts.lock(tx.conn, customer_uuid), CustomerNotFound)
        # Behind the lock: if two sessions end each other, the second finds itself ended.
        sessions.require_alive(tx.conn, caller)
        ended = ctx.end_sessions(tx.conn, "customer", customer.customer_id, keep=own)
        if caller.admin is not None:
            sql.end_secrets(tx.conn, customer.customer_id)
        details = {"sessions_ended": ended}
        trail.record(tx, caller.actor, Subject("customer", customer_uuid), {"sessions_ended": details})


def create_admin(ctx: Context, *, email: str, password: str, full_name: str | None, reset: bool = False) -> Row[Any]:
    """Create an admin, or with ``reset`` give one who exists the password, enable the account, end its sessions.

    Raises EmailTaken, and InvalidInput without a name for a new one.
    """
    hashed = ctx.hasher.hash(password)
    with ctx.db.writing() as tx:
        admin = sql.set_admin(tx.conn, email=email, password=hashed, full_name=full_name, reset=reset)
        if admin is None:
            raise EmailTaken(f"an admin with the e-mail {email} exists; --reset-password gives a new password")
        if admin.created and full_name is None:
            raise InvalidInput(f"there is no admin {email}; to create one, give --full-name")
        ended = ctx.end_sessions(tx.conn, "admin", admin.admin_user_id)
        events: dict[Event, Details] = {"admin_password_reset": {"sessions_ended": ended}}
        trail.record(tx, OPERATOR, Subject("admin", admin.uuid), {"admin_created": {}} if admin.created else events)
    return admin
