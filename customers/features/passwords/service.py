"""The acts on passwords: change one's own, ask for a reset mail, use its token."""

from contextlib import nullcontext
from uuid import UUID

from customers.context import Context
from customers.errors import InvalidToken, MailUnavailable, NotAuthenticated, WrongPassword, found
from customers.features.accounts import sql as accounts
from customers.features.passwords import sql
from customers.mail import outbox
from customers.security import authorization, guesses, limits, sessions, trail
from customers.security.callers import Actor, Caller, Origin
from customers.security.trail import Details, Event, Subject


def change(ctx: Context, caller: Caller, current: str, new: str) -> None:
    """Give the signed-in customer a new password, by the current one, whose guesses count as a login's.

    Raises WrongPassword, TooManyAttempts, NotAuthenticated, Busy.
    """
    own = authorization.require_customer(caller)
    with ctx.hasher.place(caller.origin.network):
        with guesses.counted(ctx.db, ctx.settings, "customer", own.email, caller.actor, "current_password_failed"):
            with ctx.db.autocommit() as conn:
                hashed = sql.find_hash(conn, own.account_id)
            if not ctx.hasher.verify(current, hashed):
                raise WrongPassword()
        new_hash = ctx.hasher.hash(new)
    with ctx.db.writing() as tx:
        before = found(accounts.lock(tx.conn, own.uuid), NotAuthenticated)
        sessions.require_alive(tx.conn, caller)
        # A change that came in between counts: the password that was checked is the current one no more, or no longer
        # opens the account.
        if not sql.set_password(tx.conn, own.account_id, new_hash, former=hashed):
            raise WrongPassword()
        ended = ctx.end_sessions(tx.conn, "customer", own.account_id, keep=own.digest)
        outbox.tell(tx, ctx.mail, "password_changed", before)
        details = {"sessions_ended": ended}
        trail.record(tx, caller.actor, Subject("customer", own.uuid), {"password_changed": details})


def request_reset(ctx: Context, caller: Caller, email: str, customer_uuid: UUID | None = None) -> None:
    """Have a reset mail sent, if there is an active or pending account of this e-mail; the sender looks for it.

    ``customer_uuid`` is whose it is, if that is known. The request is counted where it comes from, but not an admin's.
    Raises MailUnavailable, TooManyRequests.
    """
    if not ctx.mail.available:
        raise MailUnavailable()
    counted = nullcontext() if caller.admin else limits.request(ctx.db, ctx.settings, "reset_requests", caller.origin)
    with counted, ctx.db.writing() as tx:
        mail = outbox.enqueue(tx.conn, outbox.RESET, email)
        subject = None if customer_uuid is None else Subject("customer", customer_uuid)
        trail.record(tx, caller.actor, subject, {"password_reset_requested": {"outbox_mail_id": mail}})
        tx.after_commit(ctx.mail.wake.set)


def reset(ctx: Context, origin: Origin, secret: str, password: str) -> None:
    """Set a new password by the secret of a mail, which works once; end all sessions and all other secrets.

    Raises InvalidToken, Busy.
    """
    token = outbox.digest(secret)
    lifetime = ctx.settings.reset_lifetime
    with ctx.db.autocommit() as conn:  # before anything is hashed: made-up tokens must not cost more than a look
        uuid = found(sql.find_owner(conn, token, lifetime), InvalidToken)
    with ctx.hasher.place(origin.network):
        hashed = ctx.hasher.hash(password)
    with ctx.db.writing() as tx:
        # The customer first, and the token then, like everything else that writes tokens.
        before = found(accounts.lock(tx.conn, uuid), InvalidToken)
        if not (sql.use(tx.conn, token, lifetime) and sql.set_password(tx.conn, before.customer_id, hashed)):
            raise InvalidToken()
        ended = ctx.end_sessions(tx.conn, "customer", before.customer_id)
        guesses.trust_owner(tx.conn, ctx.settings, before.email, before.customer_id, origin)
        outbox.tell(tx, ctx.mail, "password_changed", before)
        events: dict[Event, Details] = {"password_reset": {"sessions_ended": ended}}
        if before.status == 0:
            events["status_changed"] = {"from": 0, "to": 1}
        trail.record(tx, Actor("anonymous", None, origin), Subject("customer", uuid), events)
