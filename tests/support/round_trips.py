"""How often a request waits for PostgreSQL."""

import tempfile
from collections.abc import Callable

from psycopg import pq

from customers.context import Context
from customers.db.engine import driver


def round_trips(ctx: Context, act: Callable[[], object]) -> int:
    """Return how many round trips an act makes here, as libpq traces them: each ends with Sync, or is a Query."""
    with ctx.db.autocommit() as conn:
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
