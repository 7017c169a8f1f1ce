"""Clients that send one request again and again: wrk where it is installed, else processes of Python."""

import functools
import http.client
import multiprocessing
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable

from dev.bench.data import Act

Request = tuple[str, str, str | None, dict[str, str]]  # method, path, body, headers
Make = Callable[[int, int], Request]  # by the number of a client, and of its request
JSON = {"Content-Type": "application/json"}

_SCRIPT = """
local sids = {{ {sids} }}
local number = 0
request = function()
  number = number + 1
  wrk.headers["X-Session-ID"] = sids[number % #sids + 1]
  return wrk.format("{method}", "{path}", nil, {body})
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def name() -> str:
    """Return which client there is."""
    return "wrk" if shutil.which("wrk") else "Python"


def run(port: int, act: Act, connections: int, seconds: int) -> tuple[int, float]:
    """Send an act for some seconds; return how many requests were answered, and in how many seconds.

    Raises RuntimeError if one of them failed.
    """
    requests, took, failed = (_wrk if shutil.which("wrk") else _python)(port, act, connections, seconds)
    if failed or not requests:
        raise RuntimeError(f"{act.name}: {failed} of {requests} requests failed")
    return requests, took


def _wrk(port: int, act: Act, connections: int, seconds: int) -> tuple[int, float, int]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        body = "nil" if act.body is None else f"[[{act.body}]]"
        if act.body is not None:
            script.write('wrk.headers["Content-Type"] = "application/json"\n')
        sids = ", ".join(f'"{sid}"' for sid in act.sids)
        script.write(_SCRIPT.format(sids=sids, method=act.method, path=act.path, body=body))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", script.name, f"http://127.0.0.1:{port}"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+)", printed)
    assert found, printed
    return int(found[1]), int(found[2]) / 1e6, int(found[3])


def _python(port: int, act: Act, connections: int, seconds: int) -> tuple[int, float, int]:
    began = time.monotonic()
    found = Crowd(port, functools.partial(_in_turn, act), connections, seconds).statuses()
    return found.total(), time.monotonic() - began, found.total() - found[200]


def _in_turn(act: Act, client: int, number: int) -> Request:
    sid = act.sids[(client + number) % len(act.sids)]
    return act.method, act.path, act.body, {"X-Session-ID": sid, "Content-Type": "application/json"}


class Crowd:
    """Processes of Python that send requests for some seconds, each on one connection, from now on.

    ``make(client, number)`` returns a client's request; it must be a function that can be pickled.
    """

    def __init__(self, port: int, make: Make, clients: int, seconds: float) -> None:
        self._pool = multiprocessing.get_context("fork").Pool(clients)
        self._jobs = [self._pool.apply_async(_send, (port, make, client, seconds)) for client in range(clients)]

    def statuses(self) -> Counter[int]:
        """Wait for the end; return how many answers of which status there were."""
        with self._pool:
            return sum((job.get() for job in self._jobs), Counter[int]())


def _send(port: int, make: Make, client: int, seconds: float) -> Counter[int]:
    conn, found = http.client.HTTPConnection("127.0.0.1", port, timeout=60), Counter[int]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found[ask(conn, make(client, found.total()))] += 1
    return found


def ask(conn: http.client.HTTPConnection, request: Request) -> int:
    """Send a request and read the answer; return its status."""
    conn.request(*request)
    response = conn.getresponse()
    response.read()
    return response.status


def times(port: int, request: Request, seconds: float) -> list[float]:
    """Send a request again and again on one connection; return how many seconds each took. Raises for a failure."""
    conn, found = http.client.HTTPConnection("127.0.0.1", port, timeout=60), list[float]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        status = ask(conn, request)
        found.append(time.perf_counter() - began)
        if status >= 300:
            raise RuntimeError(f"{request[:2]}: {status}")
    return found
