"""Clients that send one request again and again: wrk where it is installed, else processes of Python."""

import http.client
import multiprocessing
import re
import shutil
import subprocess
import tempfile
import time

from dev.bench.data import Act

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
    with multiprocessing.get_context("fork").Pool(connections) as pool:
        jobs = [pool.apply_async(_ask, (port, act, number, seconds)) for number in range(connections)]
        found = [job.get() for job in jobs]
    return sum(good + bad for good, bad in found), time.monotonic() - began, sum(bad for _, bad in found)


def _ask(port: int, act: Act, number: int, seconds: int) -> tuple[int, int]:
    """Send an act one after the other; return how many were answered well, and how many not."""
    conn, good, bad = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        headers = {"X-Session-ID": act.sids[(number + good) % len(act.sids)], "Content-Type": "application/json"}
        conn.request(act.method, act.path, act.body, headers)
        response = conn.getresponse()
        response.read()
        good, bad = (good + 1, bad) if response.status == 200 else (good, bad + 1)
    return good, bad
