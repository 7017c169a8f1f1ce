"""What a list of very many customers costs, against a list of few: `make bench`.

Fills two databases, one with 1,000 customers and one with 1,000,000, and asks the application for the same pages of
both in turn: the first, the last, an exact e-mail address, a keyword. Prints the ratios of the medians. The keyword
needs the extension pg_trgm, which the service's own PostgreSQL has not; name a server that has it by `--url`. Exit
status 1: a ratio is above its limit.
"""

import argparse
import statistics
import sys
import time
from typing import Any

import psycopg
from flask.testing import FlaskClient

from app import create_app
from dev.bench.databases import databases, settings
from dev.bench.fill import customers, fill
from customers.admins import service as admins

FEW = 1000
LIMITS = {"first page": 1.5, "last page": 1.5, "exact email": 1.5, "keyword": 20.0}


class Shop:
    """An application on a database of so many customers, with an admin who is signed in."""

    def __init__(self, conninfo: str, count: int) -> None:
        began = time.perf_counter()
        fill(conninfo, count)
        print(f"filled with {count:,} customers in {time.perf_counter() - began:.0f} s", flush=True)
        app = create_app(settings(conninfo))
        self.ctx = app.extensions["customers"]
        credentials = {"email": "admin@example.com", "password": "correct horse battery"}
        admins.create(self.ctx, **credentials, full_name="Ada")
        self.client: FlaskClient = app.test_client()
        sid = self.client.post("/admin/user/login", json=credentials).get_json()["data"]["sid"]
        self.client.environ_base["HTTP_X_SESSION_ID"] = sid
        middle = next(made.email for number, made in enumerate(customers(count)) if number == count // 2)
        with psycopg.connect(conninfo) as conn:
            found = conn.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'").fetchone()
        self.trigrams = bool(found and found[0])
        self.paths = {
            "first page": "/api/customers",
            "last page": f"/api/customers?page={count // 20}",
            "exact email": f"/api/customers?email={middle}",
            "keyword": f"/api/customers?keyword={middle.partition('.')[0]}",
        }

    def time(self, name: str) -> float:
        """Return how long an answer takes, in seconds."""
        began = time.perf_counter()
        answer: Any = self.client.get(self.paths[name])
        took = time.perf_counter() - began
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["data"], "there are customers on this page"
        return took


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers in the large database")
    parser.add_argument("--repeat", type=int, default=200, help="requests of each kind to each database")
    parser.add_argument("--url", help="a PostgreSQL to make databases on (default: one of its own)")
    arguments = parser.parse_args()
    broken = 0
    with databases(arguments.url) as make:
        few, many = Shop(make(), FEW), Shop(make(), arguments.rows)
        for name, limit in LIMITS.items():
            if name == "keyword" and not many.trigrams:
                print(f"{name:12} not measured: this PostgreSQL has no pg_trgm")
                continue
            for shop in (few, many):
                for _ in range(20):
                    shop.time(name)
            times = [(few.time(name), many.time(name)) for _ in range(arguments.repeat)]
            ratio = statistics.median(t[1] for t in times) / statistics.median(t[0] for t in times)
            print(f"{name:12} {arguments.rows:,} customers / {FEW:,}: ratio of the medians {ratio:.2f}, limit {limit}")
            broken += ratio > limit
        for shop in (few, many):
            shop.ctx.db.close()
    return min(1, broken)


if __name__ == "__main__":
    sys.exit(main())
