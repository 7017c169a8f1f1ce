"""Guesses at a password, counted and recorded."""

from collections.abc import Iterator
from contextlib import contextmanager

from customers.audit import trail
from customers.audit.trail import Event, Subject
from customers.errors import InvalidCredentials, TooManyAttempts, WrongPassword
from customers.identity import Actor, Kind
from customers.limits import attempts
from customers.resources import Resources
from customers.sessions import sql as sessions


@contextmanager
def counted(resources: Resources, kind: Kind, email: str, actor: Actor, failure: Event) -> Iterator[None]:
    """Count a guess as attempts.guess() does, and record how it is refused: as ``failure``, or as throttled.

    What is refused unseen is recorded once for each time that a limit closes: whoever goes on asking shall not make the
    service write. Raises TooManyAttempts, and what the block raises.
    """
    try:
        with attempts.guess(resources, kind, email, actor.origin.network):
            yield
    except TooManyAttempts as refusal:
        if refusal.is_first:
            _record(resources, kind, email, actor, "login_throttled")
        raise
    except (InvalidCredentials, WrongPassword):
        _record(resources, kind, email, actor, failure)
        raise


def _record(resources: Resources, kind: Kind, email: str, actor: Actor, event: Event) -> None:
    """Record a refusal, before it is answered; the same work with or without an account."""
    with resources.database.writing() as conn:
        account = sessions.find_account(conn, kind, email)
        subject = None if account is None else Subject(kind, account.uuid)
        trail.record(conn, actor, subject, {event: {"kind": kind}})
