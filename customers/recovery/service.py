"""The acts of who has forgotten the password (CONTRACT section 8)."""

import hashlib
from uuid import UUID

from customers.audit import trail
from customers.audit.trail import Subject
from customers.errors import InvalidToken, MailUnavailable
from customers.identity import Actor, Caller, Origin
from customers.limits import attempts
from customers.outbox import sql as outbox
from customers.recovery import sql
from customers.resources import Resources
from customers.sessions import sql as sessions


def request_reset(resources: Resources, caller: Caller, email: str, customer_uuid: UUID | None = None) -> None:
    """Have a link sent, if there is an active account of this address; ``customer_uuid`` is whose, if it is known.

    Whether there is, is not looked up here but by the sender, so that nothing about this act depends on it, not even
    its time. What is recorded names the mail, which leads to the account. It is counted where it comes from, unless it
    is an admin's. Raises MailUnavailable, TooManyRequests.
    """
    if not resources.mail.available:
        raise MailUnavailable()
    network = None if caller.admin else caller.origin.network
    with attempts.reset_request(resources, network), resources.database.writing() as conn:
        mail = outbox.enqueue(conn, "reset_password", email)
        subject = None if customer_uuid is None else Subject("customer", customer_uuid)
        trail.record(conn, caller.actor, subject, {"password_reset_requested": {"outbox_mail_id": mail}})
    resources.mail.wake.set()


def reset(resources: Resources, origin: Origin, secret: str, password: str) -> None:
    """Set a new password by the secret of a mail, which works once; end all sessions and all other secrets.

    Raises InvalidToken, Busy.
    """
    token = hashlib.sha256(secret.encode()).hexdigest()
    lifetime = resources.settings.reset_lifetime
    with resources.database.reading() as conn:
        # Before anything is hashed: made-up tokens must not cost more than a look.
        if not sql.is_valid(conn, token, lifetime):
            raise InvalidToken()
    hashed = resources.passwords.hash(password)
    with resources.database.writing() as conn:
        sql.lock_owner(conn, token)
        customer_id = sql.use(conn, token, lifetime)
        customer = None if customer_id is None else sql.set_password(conn, customer_id, hashed)
        if customer_id is None or customer is None:
            raise InvalidToken()
        sql.forget(conn, customer_id)
        ended = sessions.end_all(conn, "customer", customer_id)
        if resources.mail.available:
            outbox.enqueue(conn, "password_changed", customer.email, customer_id)
        actor, details = Actor("anonymous", None, origin), {"sessions_ended": ended}
        trail.record(conn, actor, Subject("customer", customer.uuid), {"password_reset": details})
    resources.mail.wake.set()
