"""Servers to measure: the service, or an earlier checkout of it, and what their processes have used."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dev.bench import data

REPOSITORY = Path(__file__).parent.parent.parent
TICK = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A server that is measured."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    url: str


def workers(pid: int) -> list[int]:
    """Return the pids of a gunicorn's workers."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pids: list[int]) -> float:
    """Return the processor time that processes have spent; one that has ended counts for nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


@contextlib.contextmanager
def service(
    url: str,
    *,
    name: str = "service",
    checkout: Path = REPOSITORY,
    workers: int = 2,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Server]:
    """Run the service of a checkout on a database until the block ends; ``settings`` by their names in Settings."""
    port = free_port()
    environ = {**os.environ, **data.environment(url, port, workers), **data.OLD_ENVIRONMENT}
    environ |= {f"CUSTOMERS_{key.upper()}": str(value) for key, value in (settings or {}).items()}
    python = sys.executable if checkout == REPOSITORY else checkout / ".venv/bin/python"
    with running([python, "-m", "gunicorn"], checkout, environ, port) as process:
        yield Server(name, port, process, url)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], folder: Path, environ: dict[str, str], port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; its log goes nowhere, as a log that is collected costs the collector."""
    process = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL)
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


def memory(server: Server) -> float:
    """Return the proportional set size of a server's processes in MiB, in which shared memory counts once."""
    found = 0
    for pid in [server.process.pid, *workers(server.process.pid)]:
        match = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        found += int(match[1]) if match else 0
    return found / 1024
