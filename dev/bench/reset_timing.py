"""Whether the time of `reset-password` tells a known address from an unknown one (CONTRACT section 8).

Starts the service on a PostgreSQL of its own, with a real mail server in another process, asks for a new password for
known, unknown, and disabled addresses in random order, each known and disabled one an account of its own, so that every
mail that may go does go, and prints the medians and their ratios. Everything runs on this machine, on loopback, and
stops by itself. Exit status 1: two medians differ by more than the limit.
"""

import argparse
import http.client
import itertools
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from dev.bench import databases
from tests.service import Service
from tests.smtp import MailServer

KINDS = ("known", "unknown", "disabled")
WARMUP = 20


def take_mail(pipe: Connection) -> None:
    """Serve as the mail server until told to stop, in a process of its own, not to slow the caller's clock."""
    with MailServer() as server:
        pipe.send(server.url)
        pipe.recv()
        pipe.send(server.recipients)


def make_accounts(folder: Path, count: int) -> None:
    """Make the known and the disabled accounts. Nobody signs in, so that they need no real hash."""
    with databases.own(folder) as conn:
        for kind, status in (("known", 1), ("disabled", 0)):
            conn.execute(
                "INSERT INTO customer (email, full_name, password, status)"
                " SELECT %s || '-' || n || '@example.com', 'Ann', '', %s FROM generate_series(0, %s - 1) AS n",
                (kind, status, count),
            )
        conn.commit()
        conn.autocommit = True
        conn.execute("VACUUM ANALYZE customer")


def ask(conn: http.client.HTTPConnection, address: str) -> float:
    """Ask for a new password on a kept connection; return how long the answer took, in seconds."""
    body = json.dumps({"email": address})
    began = time.perf_counter()
    conn.request("POST", "/api/customers/reset-password", body, {"Content-Type": "application/json"})
    response = conn.getresponse()
    answer = response.read()
    took = time.perf_counter() - began
    assert (response.status, json.loads(answer)) == (200, {"data": {}})
    return took


def run(port: int, count: int, pause: float) -> dict[str, list[float]]:
    """Return the times of so many requests of each kind, asked for in random order."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    order = [(kind, f"{kind}-{number}@example.com") for kind in KINDS for number in range(count)]
    random.shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(WARMUP):
        ask(conn, f"warm-up-{number}@example.com")
    for kind, address in order:
        time.sleep(pause)  # the sender is done with the mail before: only this request's own work can show
        times[kind].append(ask(conn, address))
    return times


def measure(count: int, pause: float) -> float:
    """Run the benchmark, print what it found, and return the largest ratio of two medians."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=take_mail, args=(theirs,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = Service(
            folder / "log",
            CUSTOMERS_DATA_DIR=f"{folder}/data",
            CUSTOMERS_SMTP_URL=ours.recv(),
            CUSTOMERS_MAIL_FROM="no-reply@shop.example",
            CUSTOMERS_RESET_URL="https://shop.example/reset?token={token}",
        )
        try:
            make_accounts(folder / "data", count)
            times = run(service.port, count, pause)
        finally:
            service.stop()
            ours.send("stop")
    recipients = ours.recv()
    server.join(10)
    medians = {kind: statistics.median(found) for kind, found in times.items()}
    for kind, found in times.items():
        print(f"{kind}: {len(found)} requests, median {medians[kind] * 1000:.2f} ms")
    for one, other in itertools.combinations(KINDS, 2):
        print(f"{one} to {other}: {medians[one] / medians[other]:.3f}")
    print(f"mails sent: {len(recipients)}, of which to a known address: {len(known(recipients))}")
    return max(medians.values()) / min(medians.values())


def known(recipients: list[str]) -> set[str]:
    """Return the known ones of the addresses that mail went to, each once."""
    return {address for address in recipients if address.startswith("known-")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=200, help="requests of each kind")
    parser.add_argument("--pause", type=float, default=0.03, help="seconds between two requests")
    parser.add_argument("--limit", type=float, default=1.1, help="largest ratio of two medians that is a success")
    options = parser.parse_args()
    sys.exit(measure(options.count, options.pause) > options.limit)
