"""Requests at the same time, with real threads and real locks."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg

from tests.support.database import Db
from tests.support.service import wait_until

T = TypeVar("T")


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run an act in so many threads that all wait for the last; return what each returned or raised."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return act(number)
        except Exception as error:  # noqa: BLE001  # handed to the test, which looks at it
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def waiting_for_a_lock(db: Db) -> bool:
    """Return whether somebody waits for a lock in this database."""
    return bool(db.all("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))


def overtaken(database: str, db: Db, statements: str, act: Callable[[], T], before_commit: Any = None) -> T:
    """Return what an act returns that is overtaken by another transaction.

    The statements have run and are not committed when the act begins. Once it waits for their locks, ``before_commit`` is
    called, if there is one, and they are committed.
    """
    with psycopg.connect(database) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute(statements.encode())
        result = pool.submit(act)
        wait_until(lambda: waiting_for_a_lock(db) or result.done())
        assert not result.done(), f"the act did not wait: {result.result()}"
        if before_commit:
            before_commit()
        conn.commit()
        return result.result()
