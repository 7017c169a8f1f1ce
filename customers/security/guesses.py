"""Guesses at a password: the account that an e-mail names, and refused guesses in the audit trail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row

from customers.config import Settings
from customers.db.engine import Database
from customers.errors import InvalidCredentials, TooManyAttempts, WrongPassword
from customers.security import limits, trail
from customers.security.callers import Actor, Kind
from customers.security.kinds import for_each_kind
from customers.security.trail import Event, Subject

FIND_ACCOUNT = for_each_kind("""
    SELECT {account_id} AS account_id, uuid, email, password, {enabled} AS enabled
      FROM {table}
     WHERE customers_fold(email) = customers_fold(:email)
""")


def find_account(conn: Connection, kind: Kind, email: str) -> Row[Any] | None:
    """Return the account that an e-mail signs in to, with its hash, or None. Feeds no answer."""
    return conn.execute(FIND_ACCOUNT[kind], {"email": email}).one_or_none()


@contextmanager
def counted(db: Database, settings: Settings, kind: Kind, email: str, actor: Actor, failure: Event) -> Iterator[None]:
    """Count a guess, and record a refused one: as ``failure``, or, once each time that a limit closes, as throttled.

    Raises TooManyAttempts, and what the block raises.
    """
    try:
        with limits.guess(db, settings, kind, email, actor.origin):
            yield
    except TooManyAttempts as refusal:
        if refusal.is_first:
            _record(db, kind, email, actor, "login_throttled")
        raise
    except (InvalidCredentials, WrongPassword):
        _record(db, kind, email, actor, failure)
        raise


def _record(db: Database, kind: Kind, email: str, actor: Actor, event: Event) -> None:
    """Record a refusal, before it is answered; the same work with or without an account."""
    with db.writing() as tx:
        account = find_account(tx.conn, kind, email)
        subject = None if account is None else Subject(kind, account.uuid)
        trail.record(tx, actor, subject, {event: {"kind": kind}})
