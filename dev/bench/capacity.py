"""What a machine can do, for the model in docs/scaling.md: `python -m dev.bench.capacity`.

Fills a database, starts the service on it with one worker and then with two, and has 16 connections read, write and
sign in for some seconds each. What a request costs is told in processor time, of the service and of PostgreSQL apart:
other programs on the machine take from the rates, but hardly from that. Of several rounds the best counts. Then memory,
connections, and what the rows take on the disk. Prints the table that docs/scaling.md holds.
"""

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from dev.bench.databases import databases
from dev.bench.fill import fill
from tests.service import Service, database_url

CONNECTIONS = 16
PASSWORD = "correct horse battery"
KINDS = ("read", "write", "login")
MIB = 1024 * 1024

# As they are by default, but for registrations: all the load comes from one network. Tests have them all off.
LIMITS = {
    "CUSTOMERS_LIMIT_FREE_ATTEMPTS": "5",
    "CUSTOMERS_LIMIT_NETWORK_FAILURES": "30",
    "CUSTOMERS_LIMIT_ACCOUNT_FAILURES": "100",
}

# One address and one session for each customer, so that those tables and their indexes have a size.
BELONGINGS = (
    """
    INSERT INTO customer_address (customer_id, full_name, address_1, postcode, city, province, country, is_default)
    SELECT customer_id, full_name, customer_id || ' Main Street', '62701', 'Springfield', 'IL', 'US', true
      FROM customer
    """,
    """
    INSERT INTO login_session (digest, customer_id, expires_at, ip, user_agent)
    SELECT sha256(CAST(CAST(uuid AS text) AS bytea)), customer_id, now() + interval '1 day', '203.0.113.9',
           'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0'
      FROM customer
    """,
    "VACUUM ANALYZE customer_address, login_session",
)
SIZES = """
    SELECT pg_table_size(name::regclass), pg_indexes_size(name::regclass)
      FROM unnest(ARRAY['customer', 'customer_address', 'login_session']) AS names (name)
"""
HELD = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE application_name = 'customers'
       AND datname = current_database()
"""


@dataclass(frozen=True)
class Cost:
    """What one kind of request costs and gives."""

    rate: float  # a second, with everything on this machine
    service: float  # processor seconds of the workers, a request
    database: float  # processor seconds of PostgreSQL, a request


def request(conn: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """Send a request on a kept connection; return what it answers with success."""
    data = None if body is None else json.dumps(body)
    conn.request(method, path, data, {"Content-Type": "application/json", **headers})
    response = conn.getresponse()
    answer = response.read()
    assert response.status < 300, (method, path, response.status, answer)
    return json.loads(answer)["data"]


def sign_up(port: int, run: str) -> list[tuple[str, str]]:
    """Register a customer for each connection; return their addresses and sids."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for number in range(CONNECTIONS):
        login = {"email": f"{run}.{number}@capacity.example", "password": PASSWORD}
        request(conn, "POST", "/api/customers", {**login, "full_name": "Ann Customer"})
        found.append((login["email"], request(conn, "POST", "/customer/login", login)["sid"]))
    return found


def load(
    port: int, kind: str, customers: list[tuple[str, str]], seconds: float, done: "multiprocessing.Queue[int]"
) -> None:
    """Send requests of a kind from all connections for some seconds; runs in a process of its own."""
    counts: list[int] = []

    def loop(email: str, sid: str) -> None:
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        signed_in, count = {"X-Session-ID": sid}, 0
        while time.monotonic() < end:
            if kind == "read":
                request(conn, "GET", "/api/customers/me", None, **signed_in)
            elif kind == "write":
                request(conn, "PATCH", "/api/customers/me", {"full_name": f"Ann {count}"}, **signed_in)
            else:
                request(conn, "POST", "/customer/login", {"email": email, "password": PASSWORD})
            count += 1
        counts.append(count)

    end = time.monotonic() + seconds
    threads = [threading.Thread(target=loop, args=customer) for customer in customers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.put(sum(counts) if len(counts) == len(threads) else 0)


def processor_seconds(parent: psutil.Process) -> float:
    """Return the processor time that a process's children have taken so far."""
    total = 0.0
    for child in parent.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def measure(
    port: int, kind: str, customers: list[tuple[str, str]], seconds: float, master: psutil.Process, db: psutil.Process
) -> Cost:
    """Have requests of a kind be served for some seconds, and return what they cost."""
    done: multiprocessing.Queue[int] = multiprocessing.Queue()
    before = processor_seconds(master), processor_seconds(db), time.monotonic()
    client = multiprocessing.Process(target=load, args=(port, kind, customers, seconds, done))
    client.start()
    count = done.get(timeout=seconds + 120)
    took = time.monotonic() - before[2]
    client.join()
    assert count, f"a connection of the load has failed at {kind}"
    after = processor_seconds(master), processor_seconds(db)
    return Cost(count / took, (after[0] - before[0]) / count, (after[1] - before[1]) / count)


def best(costs: list[Cost]) -> Cost:
    """Return the best of each figure: what other programs did to the others is not ours."""
    return Cost(
        max(cost.rate for cost in costs), min(cost.service for cost in costs), min(cost.database for cost in costs)
    )


def serve(conninfo: str, workers: int, seconds: float, rounds: int) -> Iterator[tuple[str, str]]:
    """Start the service with so many workers, and yield what is measured and its figure."""
    with tempfile.TemporaryDirectory() as folder, psycopg.connect(conninfo, autocommit=True) as conn:
        service = Service(
            Path(folder) / "log",
            CUSTOMERS_DATABASE_URL=database_url(conninfo),
            CUSTOMERS_SECRET_KEY="k" * 32,
            CUSTOMERS_WORKERS=str(workers),
            **LIMITS,
        )
        try:
            master = psutil.Process(service.process.pid)
            postmaster = psutil.Process(conn.info.backend_pid).parent()
            assert postmaster, "PostgreSQL runs on this machine"
            customers = sign_up(service.port, f"w{workers}")
            found: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
            for _ in range(rounds):
                for kind in KINDS:
                    found[kind].append(measure(service.port, kind, customers, seconds, master, postmaster))
            for kind, costs in found.items():
                cost = best(costs)
                yield f"{kind}s a second, load and PostgreSQL on the same machine", f"{cost.rate:,.0f}"
                yield f"processor time of a {kind}: service", f"{cost.service * 1000:.2f} ms"
                yield f"processor time of a {kind}: PostgreSQL", f"{cost.database * 1000:.2f} ms"
            memory = [process.memory_full_info().pss for process in (master, *master.children())]
            yield "memory of the service, all processes", f"{sum(memory) / MIB:.0f} MiB"
            held = conn.execute(HELD).fetchone()
            assert held
            yield "connections to PostgreSQL", f"{held[0]}"
        finally:
            service.stop()


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="customers in the database")
    parser.add_argument("--seconds", type=float, default=4, help="how long each kind of request is sent, each round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the best counts")
    parser.add_argument("--url", help="a PostgreSQL of this machine to make databases on (default: one of its own)")
    options = parser.parse_args()
    with databases(options.url) as make:
        conninfo = make()
        fill(conninfo, options.rows)
        with psycopg.connect(conninfo, autocommit=True) as conn:
            for statement in BELONGINGS:
                conn.execute(statement.encode())
            sizes = conn.execute(SIZES.encode()).fetchall()
            version = conn.info.server_version // 10_000
        print(f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}, ", end="")
        print(f"PostgreSQL {version}, {options.rows:,} customers, load average {os.getloadavg()[0]:.1f}\n")
        print("| measured | 1 worker | 2 workers |\n| --- | ---: | ---: |")
        columns = [serve(conninfo, workers, options.seconds, options.rounds) for workers in (1, 2)]
        for (name, one), (_, two) in zip(*map(list, columns), strict=True):
            print(f"| {name} | {one} | {two} |")
        print("\n| on the disk | table | indexes |\n| --- | ---: | ---: |")
        for name, size in zip(("customers", "addresses", "sessions"), sizes, strict=True):
            table, indexes = (f"{part / options.rows * 1_000_000 / MIB:,.0f} MiB" for part in size)
            print(f"| a million {name} | {table} | {indexes} |")


if __name__ == "__main__":
    main()
