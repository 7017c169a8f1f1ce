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
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg

from dev.bench import data, load, serve
from dev.bench.serve import REPOSITORY, Server

CONNECTIONS = 16


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
            stack.enter_context(
                serve.service(
                    database.url, workers=chosen.workers, settings={"threads": chosen.threads or data.THREADS}
                )
            ),
        ]
        if chosen.beside:
            other = stack.enter_context(data.database(server, chosen.beside / "schema.sql", chosen.customers))
            servers.append(
                stack.enter_context(
                    serve.service(other.url, name="before", checkout=chosen.beside, workers=chosen.workers)
                )
            )
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
    workers = serve.workers(server.process.pid)
    before = serve.processor_seconds(workers), serve.processor_seconds(backends)
    requests, took = load.run(server.port, act, CONNECTIONS, seconds)
    after = serve.processor_seconds(workers), serve.processor_seconds(backends)
    spent = [(later - earlier) / requests * 1e6 for earlier, later in zip(before, after, strict=True)]
    return Measured(requests / took, *spent)


@contextlib.contextmanager
def _bare(url: str, workers: int, threads: int) -> Iterator[Server]:
    port = serve.free_port()
    options = ["--worker-class=gthread", f"--threads={threads}", f"--workers={workers}", "--keep-alive=75"]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as conf:
        conf.write("control_socket_disable = True\n")
        conf.flush()
        command: list[str | Path] = [
            Path(sys.executable).parent / "gunicorn",
            "-c",
            conf.name,
            *options,
            f"--bind=127.0.0.1:{port}",
        ]
        environ = {**os.environ, "CUSTOMERS_DATABASE_URL": url}
        with serve.running([*command, "dev.bench.bare:app"], REPOSITORY, environ, port) as process:
            yield Server("floor", port, process, url)


if __name__ == "__main__":
    main()
