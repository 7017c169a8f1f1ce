"""How quick a read stays during a rush of logins: `make bench`.

Starts the service on a PostgreSQL of its own, measures `GET` of one's own account at rest, then while 16 clients sign
in in a loop at cost 10, then at rest again, and prints the medians' ratio. Everything runs on this machine, on
loopback, and stops by itself. Exit status 1: the ratio is above the limit.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from dev.bench.clients import PASSWORD, Crowd, describe, read, sign_up
from tests.service import Service

CLIENTS = 16
COST = 10
LOGIN = {"email": "ann@example.com", "password": PASSWORD}


def measure(seconds: float) -> float:
    """Run the benchmark, print what it found, and return the ratio of the medians."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "log", CUSTOMERS_DATA_DIR=f"{folder}/data", CUSTOMERS_BCRYPT_ROUNDS=str(COST))
        try:
            path, session = sign_up(service.port, LOGIN["email"])
            read(service.port, path, session, 1)  # connections, caches, prepared statements
            at_rest = read(service.port, path, session, seconds)
            crowd = Crowd([service.port], CLIENTS, seconds + 2, lambda _: ("/customer/login", LOGIN, {}))
            in_rush = read(service.port, path, session, seconds)
            logins = crowd.statuses()
            at_rest += read(service.port, path, session, seconds)
        finally:
            service.stop()
    ratio = statistics.median(in_rush) / statistics.median(at_rest)
    describe("at rest", at_rest)
    describe(f"with {CLIENTS} clients signing in at cost {COST}", in_rush)
    print(f"logins meanwhile: {logins.total()}, of which refused: {logins.total() - logins[200]}")
    print(f"ratio of the medians: {ratio:.2f}")
    return ratio


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=8, help="how long each of the three measurements lasts")
    parser.add_argument("--limit", type=float, default=2, help="largest ratio of the medians that is a success")
    options = parser.parse_args()
    sys.exit(measure(options.seconds) > options.limit)
