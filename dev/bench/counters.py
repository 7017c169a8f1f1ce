"""What the counters cost a registration: `make bench`.

Registers customers from eight threads in two databases in turn, one as it is and one whose counters' triggers have been
dropped, and prints the ratio of the rates: the median over the rounds. Hashes are the cheapest there are, so that what
is compared is the database's work. Exit status 1: the ratio is below the limit.
"""

import argparse
import itertools
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from app import create_app
from dev.bench.databases import databases, settings

THREADS = 8
TRIGGERS = ("customers_count_added", "customers_count_removed", "customers_count_truncated")


class Shop:
    """An application on a database of its own."""

    def __init__(self, conninfo: str) -> None:
        self.app = create_app(settings(conninfo))
        self.numbers = itertools.count()

    def register(self, count: int) -> float:
        """Register so many customers from all threads; return how many a second."""
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            statuses = set(pool.map(self._register_one, range(count)))
        assert statuses == {201}, statuses
        return count / (time.perf_counter() - began)

    def _register_one(self, _: int) -> int:
        email = f"c{next(self.numbers)}@example.com"
        body = {"email": email, "password": "correct horse battery", "full_name": "Ann"}
        return self.app.test_client().post("/api/customers", json=body).status_code


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="rounds in each database, in turn")
    parser.add_argument("--registrations", type=int, default=300, help="registrations of a round")
    parser.add_argument("--limit", type=float, default=0.9, help="least ratio of the rates")
    parser.add_argument("--url", help="a PostgreSQL to make databases on (default: one of its own)")
    arguments = parser.parse_args()
    with databases(arguments.url) as make:
        counted, uncounted = make(), make()
        with psycopg.connect(uncounted, autocommit=True) as conn:
            for name in TRIGGERS:
                conn.execute(f"DROP TRIGGER {name} ON customer".encode())
        with_counters, without = Shop(counted), Shop(uncounted)
        for shop in (with_counters, without):
            shop.register(arguments.registrations)
        ratios = [
            with_counters.register(arguments.registrations) / without.register(arguments.registrations)
            for _ in range(arguments.rounds)
        ]
        for shop in (with_counters, without):
            shop.app.extensions["customers"].database.close()
    ratio = statistics.median(ratios)
    print(
        f"registrations with counters / without: {ratio:.2f} (median of {arguments.rounds} rounds,"
        f" {min(ratios):.2f} to {max(ratios):.2f}), limit {arguments.limit}"
    )
    return int(ratio < arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
