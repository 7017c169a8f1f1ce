"""How quick a read stays during a rush of logins: `make bench`.

Starts the service on a PostgreSQL of its own, measures `GET` of one's own account at rest, then while 16 clients sign
in in a loop at cost 10, then at rest again, and prints the medians' ratio. Everything runs on this machine, on
loopback, and stops by itself. Exit status 1: the ratio is above the limit.
"""

import argparse
import http.client
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tests.service import Service

CLIENTS = 16
COST = 10
LOGIN = {"email": "ann@example.com", "password": "correct horse battery"}


def call(conn: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send a request on a kept connection; return the status and the parsed body."""
    data = None if body is None else json.dumps(body)
    conn.request(method, path, data, {"Content-Type": "application/json", **headers})
    response = conn.getresponse()
    return response.status, json.loads(response.read())


def rush(port: int, seconds: float, started: Event, statuses: "multiprocessing.Queue[list[int]]") -> None:
    """Sign in from 16 connections in a loop; runs in a process of its own, not to slow the reader's clock."""
    seen: list[int] = []
    end = time.monotonic() + seconds

    def loop() -> None:
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < end:
            seen.append(call(conn, "POST", "/customer/login", LOGIN)[0])
            started.set()

    threads = [threading.Thread(target=loop) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses.put(seen)


def read(conn: http.client.HTTPConnection, path: str, sid: str, seconds: float) -> list[float]:
    """Return how long each of many reads took, in seconds."""
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        status, _ = call(conn, "GET", path, **{"X-Session-ID": sid})
        times.append(time.perf_counter() - began)
        assert status == 200
        time.sleep(0.002)  # one reader, not a flood
    return times


def measure(seconds: float) -> float:
    """Run the benchmark, print what it found, and return the ratio of the medians."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "log", CUSTOMERS_DATA_DIR=f"{folder}/data", CUSTOMERS_BCRYPT_ROUNDS=str(COST))
        try:
            conn = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            uuid = call(conn, "POST", "/api/customers", {**LOGIN, "full_name": "Ann"})[1]["data"]["uuid"]
            sid = call(conn, "POST", "/customer/login", LOGIN)[1]["data"]["sid"]
            path = f"/api/customers/{uuid}"
            read(conn, path, sid, 1)  # connections, caches, prepared statements
            at_rest = read(conn, path, sid, seconds)
            started = multiprocessing.Event()
            statuses: multiprocessing.Queue[list[int]] = multiprocessing.Queue()
            others = multiprocessing.Process(target=rush, args=(service.port, seconds + 2, started, statuses))
            others.start()
            started.wait()
            in_rush = read(conn, path, sid, seconds)
            logins = statuses.get()
            others.join()
            at_rest += read(conn, path, sid, seconds)
        finally:
            service.stop()
    ratio = statistics.median(in_rush) / statistics.median(at_rest)
    rows = {"at rest": at_rest, f"with {CLIENTS} clients signing in at cost {COST}": in_rush}
    for name, times in rows.items():
        parts = [statistics.median(times), *(statistics.quantiles(times, n=100)[p - 1] for p in (95, 99))]
        print(
            f"{name}: {len(times)} reads, in ms: "
            + ", ".join(
                f"{label} {part * 1000:.2f}" for label, part in zip(("median", "p95", "p99"), parts, strict=True)
            )
        )
    print(f"logins meanwhile: {len(logins)}, of which refused: {len([status for status in logins if status != 200])}")
    print(f"ratio of the medians: {ratio:.2f}")
    return ratio


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=8, help="how long each of the three measurements lasts")
    parser.add_argument("--limit", type=float, default=2, help="largest ratio of the medians that is a success")
    options = parser.parse_args()
    sys.exit(measure(options.seconds) > options.limit)
