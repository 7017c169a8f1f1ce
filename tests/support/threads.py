"""Acts at the same time, in real threads: at most 24, since each takes a connection, and of those there are 100."""

import gc
import threading
from collections.abc import Callable
from typing import Any

from tests.support.database import Db


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run an act in so many threads that all wait for the last; return what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = act(number)
        except Exception as error:  # noqa: BLE001  # handed to the test, which looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()  # a thread that has ended leaves its connection to the collector of garbage
    return results


def waiting_for_a_lock(db: Db) -> int:
    """Return how many connections to this database wait for a lock."""
    return len(db.all("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))
