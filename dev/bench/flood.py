"""How quick a read stays in a flood of logins: `make bench`.

Starts the service on a PostgreSQL of its own, with its limits as they are by default, measures `GET` of one's own
account at rest, and then while 64 clients ask for logins in a loop and never wait: first with wrong passwords from one
network, which the limits refuse, then with the right one from a network each time, of which as many are hashed as can
be. Everything runs on this machine, on loopback, and stops by itself. Exit status 1: a median in a flood is above the
limit, or an answer was a 5xx other than 503.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

from dev.bench.clients import LIMITS, PASSWORD, WRONG, Crowd, Request, describe, read, sign_up
from tests.service import Service

CLIENTS = 64
EMAIL = "ann@example.com"
HOME = {"X-Forwarded-For": "203.0.113.9"}
_numbers = itertools.count()


def guess(number: int) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return a login of somebody who guesses at an account, and then at another."""
    body = {"email": f"ann{number}@example.com", "password": WRONG}
    return "/customer/login", body, {"X-Forwarded-For": "198.51.100.1"}


def sign_in(_: int) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return a login with the right password, from another network each time."""
    number = next(_numbers)
    body = {"email": EMAIL, "password": PASSWORD}
    return "/customer/login", body, {"X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}


FLOODS: dict[str, Request] = {"wrong passwords from one network": guess, "right ones from many": sign_in}


def measure(seconds: float) -> tuple[float, Counter[int]]:
    """Run the benchmark, print what it found; return the largest ratio of medians and the statuses answered."""
    floods: dict[str, list[float]] = {}
    answered: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = {**LIMITS, "CUSTOMERS_DATA_DIR": f"{folder}/data", "CUSTOMERS_TRUSTED_PROXIES": "1"}
        service = Service(Path(folder) / "log", **settings)
        try:
            path, session = sign_up(service.port, EMAIL, HOME)
            read(service.port, path, session, 1)  # connections, caches, prepared statements
            at_rest = read(service.port, path, session, seconds / 3)
            for name, request in FLOODS.items():
                crowd = Crowd([service.port], CLIENTS, seconds + 2, request)
                floods[name] = read(service.port, path, session, seconds)
                statuses = crowd.statuses()
                print(f"{CLIENTS} clients, {name}: answered {dict(statuses)}", flush=True)
                answered += statuses
                read(service.port, path, session, 5)  # until the queue is empty
                at_rest += read(service.port, path, session, seconds / 3)
        finally:
            service.stop()
    describe("at rest", at_rest)
    ratios = []
    for name, times in floods.items():
        describe(name, times)
        ratios.append(statistics.median(times) / statistics.median(at_rest))
        print(f"ratio of the medians: {ratios[-1]:.2f}")
    return max(ratios), answered


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=30, help="how long each of the two floods lasts")
    parser.add_argument("--limit", type=float, default=2, help="largest ratio of medians that is a success")
    options = parser.parse_args()
    worst, answers = measure(options.seconds)
    sys.exit(worst > options.limit or any(status >= 500 and status != 503 for status in answers))
