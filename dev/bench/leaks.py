"""Whether the service grows as it serves: `python -m dev.bench.leaks --requests 100000`.

Starts the service on a PostgreSQL of its own and sends it mixed requests, good and bad, from several kept connections.
After the first 5,000, when caches are warm, and at the end it adds up what all of its processes hold: memory (the
proportional set size, which counts what is shared once), file descriptors, and connections to the database. Workers are
not replaced meanwhile, which would hide a leak. Exit status 1: the memory is more than 1.2 times what it was, or there
are more descriptors or connections than the threads and pools account for.
"""

import argparse
import http.client
import itertools
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from dev import postgres
from dev.fuzz import shop
from tests.service import Service

CLIENTS = 8
LIMIT = 1.2
POOL = 4
WORKERS = int(shop.SETTINGS["CUSTOMERS_WORKERS"])
JSON = {"Content-Type": "application/json"}


class Held(NamedTuple):
    """What the processes of the service hold."""

    memory: float  # MiB
    descriptors: int
    connections: int  # to the database


def held(service: Service, conninfo: str) -> Held:
    """Return what the service holds once its clients have gone."""
    main = psutil.Process(service.process.pid)
    processes = [main, *main.children(recursive=True)]
    # PostgreSQL is a child where it is the service's own, and no part of it.
    own = [process for process in processes if "postgres" not in process.name()]
    with psycopg.connect(conninfo) as conn:
        (connections,) = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone() or (0,)
    memory = sum(process.memory_full_info().pss for process in own) / 2**20
    return Held(memory, sum(process.num_fds() for process in own), connections)


class Mix:
    """Requests as they come: most of them reads, some writes, and every fifth one bad."""

    def __init__(self, admin: str) -> None:
        self._admin = {"X-Session-ID": admin}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def next(self, chance: random.Random) -> tuple[str, str, bytes | None, dict[str, str]]:
        """Return a method, a path, a body, and headers."""
        with self._lock:
            number = next(self._numbers)
        uuid = shop.place(chance.randrange(shop.CUSTOMERS)).uuid
        path = f"/api/customers/{uuid}"
        new = {"email": f"leak{number}@example.com", "password": shop.PASSWORD, "full_name": "Ann"}
        login = {"email": f"customer{1 + number % 200}@example.com", "password": shop.PASSWORD}
        choices: list[tuple[int, str, str, Any, dict[str, str]]] = [
            (30, "GET", path, None, self._admin),
            (10, "GET", f"/api/customers?page={chance.randrange(20)}&limit=5&sort=-email", None, self._admin),
            (5, "GET", f"/api/customers?keyword=customer{chance.randrange(300)}", None, self._admin),
            (5, "GET", f"{path}/export", None, self._admin),
            (5, "GET", f"{path}/addresses", None, self._admin),
            (5, "PATCH", path, {"full_name": f"Ann {number}"}, self._admin),
            (3, "POST", "/api/customers", new, {"Idempotency-Key": f"leak-{number}"}),
            (4, "POST", "/customer/login", login, {}),
            (5, "GET", "/healthz", None, {}),
            (4, "GET", "/admin/login", None, {}),
            (4, "GET", f"/nowhere/{number}", None, {}),
            (4, "GET", path, None, {"X-Session-ID": f"{number}"}),
            (4, "POST", "/api/customers", b"{" * chance.randrange(1000), {}),
            (4, "POST", "/customer/login", {**login, "password": f"wrong {number}"}, {}),
            (3, "PUT", path, {"a": "b" * chance.randrange(10_000)}, {}),
            (3, "PATCH", path, {"email": f"no address {number}", f"x{number}": number}, self._admin),
            (2, "POST", "/api/customers", b" " * (2**20 + 1), {}),
        ]
        _, method, target, body, headers = chance.choices(choices, [choice[0] for choice in choices])[0]
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return method, target, data, {**JSON, **headers}


def send(service: Service, mix: Mix, count: int, seed: int) -> Counter[int]:
    """Send so many requests from all clients, and return how many were answered with which status."""
    statuses: Counter[int] = Counter()
    left = itertools.count(1)
    lock = threading.Lock()

    def client(number: int) -> None:
        chance = random.Random(seed * CLIENTS + number)
        conn = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        while next(left) <= count:
            method, path, body, headers = mix.next(chance)
            try:
                conn.request(method, path, body, headers)
                response = conn.getresponse()
                response.read()
                status = response.status
            except (OSError, http.client.HTTPException):
                status = 0  # a body too large may be cut off before it is sent
                conn.close()
            with lock:
                statuses[status] += 1
        conn.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def measure(requests: int, warm: int) -> bool:
    """Send the requests, print what is held, and return whether it has grown too much."""
    with tempfile.TemporaryDirectory() as name:
        service = Service(
            Path(name) / "log",
            CUSTOMERS_DATA_DIR=f"{name}/data",
            CUSTOMERS_MAX_REQUESTS="0",
            CUSTOMERS_POOL_SIZE=str(POOL),
            **shop.SETTINGS,
        )
        try:
            conninfo = postgres.start(Path(name) / "data")
            shop.fill(conninfo)
            login = {"email": shop.EXAMPLE, "password": shop.PASSWORD}
            mix = Mix(service.call("POST", "/admin/user/login", login)[1]["data"]["sid"])
            statuses = send(service, mix, warm, 0)
            before = held(service, conninfo)
            began = time.monotonic()
            statuses += send(service, mix, requests - warm, 1)
            rate = (requests - warm) / (time.monotonic() - began)
            after = held(service, conninfo)
            errors = [line for line in service.lines() if line["level"] == "error"]
        finally:
            service.stop()
    ratio = after.memory / before.memory
    for count, found in ((warm, before), (requests, after)):
        print(
            f"after {count} requests: {found.memory:.1f} MiB, {found.descriptors} file descriptors,"
            f" {found.connections} connections to the database"
        )
    print("answers: " + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    print(f"{rate:.0f} requests a second; memory grew to {ratio:.2f} times, limit {LIMIT}")
    for line in errors:
        print(f"The service logged: {line}")
    # A pool that was not at its largest may still become it, and each connection is a descriptor.
    room = max(0, WORKERS * (POOL + 1) - before.connections)
    grown = after.connections > before.connections + room or after.descriptors > before.descriptors + room
    return ratio > LIMIT or grown or bool(errors)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--requests", type=int, default=100_000, help="how many, in all")
    parser.add_argument("--warm", type=int, default=5_000, help="after how many of them it is measured first")
    options = parser.parse_args()
    sys.exit(measure(options.requests, options.warm))
