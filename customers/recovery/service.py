"""The acts of who has forgotten the password (CONTRACT section 8)."""

import hashlib

from customers.errors import InvalidToken, MailUnavailable
from customers.limits import attempts
from customers.outbox import sql as outbox
from customers.recovery import sql
from customers.resources import Resources
from customers.sessions import sql as sessions


def request_reset(resources: Resources, email: str, *, network: str | None = None) -> None:
    """Have a link sent, if there is an active account of this address.

    Whether there is, is not looked up here but by the sender, so that nothing about this act depends on it, not even
    its time. ``network`` is where the request is counted; None for an admin's, which is not. Raises MailUnavailable,
    TooManyRequests.
    """
    if not resources.mail.available:
        raise MailUnavailable()
    with attempts.reset_request(resources, network), resources.database.writing() as conn:
        outbox.enqueue(conn, "reset_password", email)
    resources.mail.wake.set()


def reset(resources: Resources, secret: str, password: str) -> None:
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
        email = None if customer_id is None else sql.set_password(conn, customer_id, hashed)
        if customer_id is None or email is None:
            raise InvalidToken()
        sql.forget(conn, customer_id)
        sessions.end_all(conn, "customer", customer_id)
        if resources.mail.available:
            outbox.enqueue(conn, "password_changed", email, customer_id)
    resources.mail.wake.set()
