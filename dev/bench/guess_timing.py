"""Whether a login under attack tells a known address from an unknown one: `make bench`.

Starts the service on a PostgreSQL of its own and signs in with wrong passwords at an account and at an address without
one, in random order: while the guesses are free, in a pause, and when the account's own limit has struck. Compares the
answers, and prints the medians of the times and their ratios. Everything runs on this machine, on loopback, and stops
by itself. Exit status 1: the answers differ, or two medians differ by more than the limit.
"""

import argparse
import http.client
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dev.bench import databases
from dev.bench.clients import LIMITS, WRONG, connect, sign_up
from tests.service import Service

KNOWN, UNKNOWN = "known@example.com", "unknown@example.com"
FREE = 5
# Other for each request, by their nature; that Retry-After is there and true is compared by itself.
CHANGING = {"X-Request-ID", "Date", "Retry-After"}
_numbers = itertools.count()

Answer = tuple[int, str, tuple[tuple[str, str], ...]]


class Asked:
    """What attempts at one address were answered, and in what time."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.answers: set[Answer] = set()
        self.waits: list[int] = []

    def attempt(self, conn: http.client.HTTPConnection, email: str, ip: str) -> None:
        """Try to sign in from an address, on a kept connection."""
        body = json.dumps({"email": email, "password": WRONG})
        headers = {"Content-Type": "application/json", "X-Forwarded-For": ip}
        began = time.perf_counter()
        conn.request("POST", "/customer/login", body, headers)
        response = conn.getresponse()
        text = response.read().decode()
        self.times.append(time.perf_counter() - began)
        kept = tuple((name, value) for name, value in response.getheaders() if name not in CHANGING)
        self.answers.add((response.status, text, kept))
        self.waits.append(int(response.headers.get("Retry-After", "0")))


def another() -> str:
    """Return an address of a network that nobody has come from."""
    number = next(_numbers)
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def compare(name: str, port: int, count: int, ips: dict[str, str] | None = None) -> float:
    """Attempt so often at each address and print the medians; return the ratio, or infinity if answers differ.

    ``ips`` is where attempts come from, by address; None: from another network each time.
    """
    conn = connect(port)
    asked = {KNOWN: Asked(), UNKNOWN: Asked()}
    for _ in range(count):
        for email in random.sample([KNOWN, UNKNOWN], 2):
            time.sleep(0.03)  # slower than refusals leave, so that only a request's own work shows
            asked[email].attempt(conn, email, ips[email] if ips else another())
    known, unknown = asked[KNOWN], asked[UNKNOWN]
    medians = [statistics.median(one.times) * 1000 for one in (known, unknown)]
    ratio = max(medians) / min(medians)
    waits = [abs(one - other) for one, other in zip(known.waits, unknown.waits, strict=True)]
    same = known.answers == unknown.answers and len(known.answers) == 1 and max(waits) <= 1
    statuses = sorted({answer[0] for answer in known.answers | unknown.answers})
    print(
        f"{name}: {count} attempts each, answered {statuses}, {'alike' if same else 'DIFFERENTLY'};"
        f" medians in ms: known {medians[0]:.2f}, unknown {medians[1]:.2f}; ratio {ratio:.3f}",
        flush=True,
    )
    return ratio if same else float("inf")


def measure(count: int, cost: int) -> float:
    """Run the benchmark and return the largest ratio of two medians, infinity where answers differ."""
    settings: dict[str, Any] = {
        **LIMITS,
        "CUSTOMERS_TRUSTED_PROXIES": "1",
        "CUSTOMERS_BCRYPT_ROUNDS": str(cost),
        "CUSTOMERS_LIMIT_ACCOUNT_FAILURES": str(count + FREE),  # all of the free guesses and those before the pause
    }
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        service = Service(Path(folder) / "log", CUSTOMERS_DATA_DIR=str(data), **settings)
        try:
            sign_up(service.port, KNOWN, {"X-Forwarded-For": "203.0.113.9"})
            ratios = [compare("free", service.port, count)]
            ips = {KNOWN: another(), UNKNOWN: another()}
            conn = connect(service.port)
            for email, ip in ips.items():
                for _ in range(FREE):
                    Asked().attempt(conn, email, ip)
            with databases.own(data) as database:
                # The pauses, which would be over in a second; no other counter is kept for longer than an hour.
                database.execute(
                    "UPDATE attempt_counter SET open_at = now() + interval '15 min'"
                    " WHERE attempts >= %s AND expires_at > now() + interval '2 h'",
                    (FREE,),
                )
            ratios.append(compare("in a pause", service.port, count, ips))
            ratios.append(compare("by account", service.port, count))
        finally:
            service.stop()
    return max(ratios)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=200, help="attempts at each address, three times")
    parser.add_argument("--cost", type=int, default=8, help="bcrypt's cost; the cheaper, the more all else shows")
    parser.add_argument("--limit", type=float, default=1.1, help="largest ratio of two medians that is a success")
    options = parser.parse_args()
    sys.exit(measure(options.count, options.cost) > options.limit)
