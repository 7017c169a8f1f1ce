"""Clients to measure with: one that reads, and a crowd that asks again at once whatever it is answered."""

import http.client
import json
import multiprocessing
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from customers.settings.limits import Limits

PASSWORD = "correct horse battery"
WRONG = "not the password"

# What the service's limits are where nothing is set; tests/service.py switches them off.
LIMITS = {row.metadata["name"]: str(row.default) for row in fields(Limits)}

Headers = dict[str, str]
# What a client of this number asks for, as path, body and headers.
Request = Callable[[int], tuple[str, Any, Headers]]


def call(
    conn: http.client.HTTPConnection, method: str, path: str, body: Any = None, headers: Headers | None = None
) -> tuple[int, Any]:
    """Send a request on a kept connection; return the status and the parsed body."""
    data = None if body is None else json.dumps(body)
    conn.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
    response = conn.getresponse()
    return response.status, json.loads(response.read())


def connect(port: int) -> http.client.HTTPConnection:
    """Return a connection to a service on this machine."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def sign_up(port: int, email: str, headers: Headers | None = None) -> tuple[str, Headers]:
    """Register and sign in; return the customer's path and the header that names the session."""
    conn, login = connect(port), {"email": email, "password": PASSWORD}
    uuid = call(conn, "POST", "/api/customers", {**login, "full_name": "Ann"}, headers)[1]["data"]["uuid"]
    sid = call(conn, "POST", "/customer/login", login, headers)[1]["data"]["sid"]
    return f"/api/customers/{uuid}", {"X-Session-ID": sid}


def read(port: int, path: str, headers: Headers, seconds: float) -> list[float]:
    """Return how long each of many reads took, in seconds, one after the other."""
    conn, times = connect(port), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        status, _ = call(conn, "GET", path, None, headers)
        times.append(time.perf_counter() - began)
        assert status == 200
        time.sleep(0.002)  # one reader, not a flood
    return times


def describe(name: str, times: Sequence[float]) -> None:
    """Print a line on how long reads took."""
    cuts = statistics.quantiles(times, n=100)
    parts = {"median": statistics.median(times), "p95": cuts[94], "p99": cuts[98]}
    told = ", ".join(f"{label} {part * 1000:.2f}" for label, part in parts.items())
    print(f"{name}: {len(times)} reads, in ms: {told}", flush=True)


class Crowd:
    """Clients that post in a loop, in a process of their own, not to slow the clock of whoever measures."""

    def __init__(self, ports: Sequence[int], clients: int, seconds: float, request: Request) -> None:
        """Start so many clients, each on one of the ports, and wait until one is answered."""
        # A fork, so that ``request`` may be any function.
        context = multiprocessing.get_context("fork")
        self._queue: multiprocessing.Queue[Counter[int]] = context.Queue()
        started = context.Event()

        def run() -> None:
            seen: list[int] = []
            end = time.monotonic() + seconds

            def loop(number: int) -> None:
                conn = connect(ports[number % len(ports)])
                while time.monotonic() < end:
                    path, body, headers = request(number)
                    seen.append(call(conn, "POST", path, body, headers)[0])
                    started.set()

            threads = [threading.Thread(target=loop, args=(number,)) for number in range(clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self._queue.put(Counter(seen))

        self._process = context.Process(target=run)
        self._process.start()
        started.wait()

    def statuses(self) -> Counter[int]:
        """Wait for the end and return how often each status was answered."""
        found = self._queue.get()
        self._process.join()
        return found
