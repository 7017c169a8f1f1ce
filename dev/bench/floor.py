"""How near the service comes to a floor: bare WSGI functions on the same gunicorn, database and client (bare.py).

    python -m dev.bench.floor [--url URL] [--seconds 3] [--rounds 3] [--beside CHECKOUT]

For each act it prints the rates (medians of the rounds, in which the servers alternate), the ratio to the floor, and
the processor time of a request, of the server and of PostgreSQL apart. With --beside, an earlier checkout of the
service (with a virtual environment of its own in .venv) runs as well, on a database of its own. The client is wrk where
that is installed, else processes of Python.
"""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg

from dev.bench import data, load

REPOSITORY = Path(__file__).parent.parent.parent
CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A server that is measured."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    url: str


class Measured(NamedTuple):
    """What a run gave: requests a second, and microseconds of processor time a request."""

    rate: float
    server: float
    database: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, help="of a worker; by default those of the service")
    parser.add_argument("--beside", type=Path, help="a checkout of an earlier service")
    parser.add_argument("--only", help="acts whose names hold this")
    chosen = parser.parse_args()

    with data.server(chosen.url) as server, contextlib.ExitStack() as stack:
        database = stack.enter_context(data.database(server, REPOSITORY / "schema.sql", chosen.customers))
        servers = [
            stack.enter_context(_bare(database.url, chosen.workers, chosen.threads or data.THREADS)),
            stack.enter_context(_service("service", REPOSITORY, database.url, chosen.workers, chosen.threads)),
        ]
        if chosen.beside:
            other = stack.enter_context(data.database(server, chosen.beside / "schema.sql", chosen.customers))
            servers.append(stack.enter_context(_service("before", chosen.beside, other.url, chosen.workers, None)))
        print(f"client: {load.name()}, {CONNECTIONS} connections; {chosen.workers} workers", flush=True)
        for act in data.acts(database):
            if not chosen.only or chosen.only in act.name:
                _compare(act, servers, chosen.seconds, chosen.rounds)


def _compare(act: data.Act, servers: list[Server], seconds: int, rounds: int) -> None:
    runs: dict[str, list[Measured]] = {server.name: [] for server in servers}
    for server in servers:
        load.run(server.port, act, CONNECTIONS, 1)  # the statements are planned, the pools are filled
    for _ in range(rounds):
        for server in servers:
            runs[server.name].append(_measure(server, act, seconds))
    medians = {
        name: Measured(*(statistics.median(values) for values in zip(*found, strict=True)))
        for name, found in runs.items()
    }
    floor = medians["floor"]
    for name, found in medians.items():
        print(
            f"{act.name:22} {name:8} {found.rate:7.0f}/s {found.rate / floor.rate:5.2f} of the floor;"
            f" server {found.server:5.0f} us, PostgreSQL {found.database:4.0f} us"
            f" ({found.database / floor.database:.2f})",
            flush=True,
        )


def _measure(server: Server, act: data.Act, seconds: int) -> Measured:
    with psycopg.connect(server.url) as conn:
        backends = [
            row[0] for row in conn.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        ]
    workers = _children(server.process.pid)
    before = _seconds(workers), _seconds(backends)
    requests, took = load.run(server.port, act, CONNECTIONS, seconds)
    after = _seconds(workers), _seconds(backends)
    spent = [(later - earlier) / requests * 1e6 for earlier, later in zip(before, after, strict=True)]
    return Measured(requests / took, *spent)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pids: list[int]) -> float:
    """Return the processor time that processes have spent; one that has ended counts for nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


@contextlib.contextmanager
def _bare(url: str, workers: int, threads: int) -> Iterator[Server]:
    port = free_port()
    options = ["--worker-class=gthread", f"--threads={threads}", f"--workers={workers}", "--keep-alive=75"]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as conf:
        conf.write("control_socket_disable = True\n")
        conf.flush()
        command = [Path(sys.executable).parent / "gunicorn", "-c", conf.name, *options, f"--bind=127.0.0.1:{port}"]
        environ = {**os.environ, "CUSTOMERS_DATABASE_URL": url}
        with _running([*command, "dev.bench.bare:app"], REPOSITORY, environ, port) as process:
            yield Server("floor", port, process, url)


@contextlib.contextmanager
def _service(name: str, checkout: Path, url: str, workers: int, threads: int | None) -> Iterator[Server]:
    port = free_port()
    environ = {**os.environ, **data.environment(url, port, workers), **data.OLD_ENVIRONMENT}
    if threads:
        environ["CUSTOMERS_THREADS"] = str(threads)
    python = sys.executable if checkout == REPOSITORY else checkout / ".venv/bin/python"
    with _running([python, "-m", "gunicorn"], checkout, environ, port) as process:
        yield Server(name, port, process, url)


@contextlib.contextmanager
def _running(
    command: list[object], folder: Path, environ: dict[str, str], port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; its log goes nowhere, as a log that is collected costs the collector."""
    process = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL)  # type: ignore[arg-type]
    try:
        wait_for(port)
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(port: int, seconds: float = 30) -> None:
    """Wait until somebody listens on a port."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


if __name__ == "__main__":
    assert shutil.which("wrk") or load.name(), "a client"
    main()
