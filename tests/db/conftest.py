"""What the tests of the database stand on: a database of its own, and connections of other programs to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.conftest import Made
from tests.support.shops import migrated


@pytest.fixture
def own(make: Callable[..., Made]) -> Made:
    """Return a database of this service, without customers, for the test alone."""
    return migrated(make)


@contextmanager
def transaction(conninfo: str, isolation: str = "READ COMMITTED") -> Iterator[psycopg.Connection]:
    """Open a connection of another program, which gives up rather than wait for a lock."""
    with psycopg.connect(conninfo, options="-c lock_timeout=5s") as conn:
        conn.isolation_level = psycopg.IsolationLevel[isolation.replace(" ", "_")]
        yield conn
