"""Deleting what has ended: sessions, reset tokens, remembered answers, mail sent long ago, networks long not used."""

from collections.abc import Callable

from sqlalchemy import Connection

from customers.idempotency import sql as idempotency
from customers.limits import sql as limits
from customers.outbox import sql as outbox
from customers.recovery import sql as recovery
from customers.resources import Resources
from customers.sessions import sql as sessions


def purge(resources: Resources, batch: int) -> dict[str, int]:
    """Delete what has ended; return how many of each.

    Each transaction deletes at most a batch, so that no lock is held for long; rows that somebody holds are left for
    the next time, so that purges at once do not wait for each other.
    """
    lifetime = resources.settings.reset_lifetime
    return {
        "sessions": _until_done(resources, batch, sessions.purge),
        "answers": _until_done(resources, batch, idempotency.purge),
        "mails": _until_done(resources, batch, outbox.purge),
        "reset tokens": _until_done(resources, batch, lambda conn, size: recovery.purge(conn, lifetime, size)),
        "networks": _until_done(resources, batch, limits.purge),
    }


def _until_done(resources: Resources, batch: int, delete: Callable[[Connection, int], int]) -> int:
    total = 0
    while True:
        with resources.database.writing() as conn:
            deleted = delete(conn, batch)
        total += deleted
        if deleted < batch:
            return total
