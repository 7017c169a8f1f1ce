"""Acts at the same time, in real threads: at most 24, since each takes a connection, and of those there are 100."""

import gc
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
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run, number) for number in range(count)]
        results = [future.exception() or future.result() for future in futures]
    gc.collect()  # a thread that has ended leaves its connection to the collector of garbage
    return results


def waiting_for_a_lock(db: Db) -> int:
    return len(db.all("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))


def overtaken(database: str, db: Db, statements: str, act: Callable[[], T]) -> T:
    """Return what an act returns that has to wait for a transaction of these statements, which then commits."""
    with psycopg.connect(database) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute(statements.encode())
        result = pool.submit(act)
        wait_until(lambda: waiting_for_a_lock(db) or result.done())
        assert not result.done(), f"the act did not wait: {result.result()}"
        conn.commit()
        return result.result()
