"""How near logins and registrations come to threads that only hash: `python -m dev.bench.hashing`.

At cost 10: first as many threads as there are processors hash and do nothing else, then 16 clients sign in, then they
register, each for as long before it is measured. Prints the rates and their ratios.
"""

import argparse
import json
import os
import threading
import time
import uuid

import bcrypt

from dev.bench import data, load, serve
from dev.bench.load import Crowd, Request

CLIENTS, COST, CUSTOMERS = 16, 10, 1000
PASSWORD = "correct horse battery"
LIMITS_OFF = dict.fromkeys(("limit_registrations", "limit_free_attempts", "limit_network_failures"), 0)
SETTINGS = {"bcrypt_rounds": COST, **LIMITS_OFF}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--seconds", type=int, default=10)
    chosen = parser.parse_args()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    with (
        data.server(chosen.url) as server,
        data.database(server, serve.REPOSITORY / "schema.sql", CUSTOMERS, hashed) as found,
        serve.service(found.url, settings=SETTINGS) as running,
    ):
        floor = _only_hash(hashed, chosen.seconds)
        for name, make, good in (("logins", log_in, 200), ("registrations", register, 201)):
            Crowd(running.port, make, CLIENTS, chosen.seconds).statuses()  # each connection plans its statements
            began = time.monotonic()
            statuses = Crowd(running.port, make, CLIENTS, chosen.seconds).statuses()
            rate = statuses[good] / (time.monotonic() - began)
            others = {status: count for status, count in statuses.items() if status != good}
            print(f"{name}: {rate:.1f}/s, {rate / floor:.2f} of {floor:.1f}/s; other answers: {others}")


def _only_hash(hashed: str, seconds: float) -> float:
    """Return how many hashes a second threads make that do nothing else."""
    end, counts = time.monotonic() + seconds, list[int]()

    def work() -> None:
        count = 0
        while time.monotonic() < end:
            bcrypt.checkpw(PASSWORD.encode(), hashed.encode())
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(len(os.sched_getaffinity(0)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def log_in(client: int, number: int) -> Request:
    """Return a login of one of many customers."""
    email = f"customer{(client * 61 + number) % CUSTOMERS + 1}@example.com"
    return "POST", "/customer/login", json.dumps({"email": email, "password": PASSWORD}), load.JSON


def register(_client: int, _number: int) -> Request:
    """Return the registration of a new customer."""
    body = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD, "full_name": "Ann"}
    return "POST", "/api/customers", json.dumps(body), load.JSON


if __name__ == "__main__":
    main()
