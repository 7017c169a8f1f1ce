"""How often a request waits for PostgreSQL."""

import tempfile
from collections.abc import Callable

from psycopg import pq

from customers.context import Context
from customers.db.engine import driver


def round_trips(ctx: Context, act: Callable[[], object]) -> int:
    """Return how many round trips an act makes on this thread's connection, as libpq traces the protocol.

    Each ends with Sync, or is a Query, whoever sends it: SQLAlchemy, psycopg, or psycopg on behalf of a transaction.
    """
    with ctx.db.reading() as conn:
        connection = driver(conn).pgconn
    with tempfile.TemporaryFile("w+") as file:
        connection.trace(file.fileno())
        connection.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        try:
            act()
        finally:
            connection.untrace()
        file.seek(0)
        sent = [line.split("\t") for line in file if line.startswith("F\t")]
    return sum(message[2].strip() in ("Sync", "Query") for message in sent)
