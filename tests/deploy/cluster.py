"""A PostgreSQL of the system's packages, as durable as it is by default, which can be killed and started again."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil
import psycopg

from tests.service import free_port, wait_until

_OWNER = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root


def _programs() -> Path:
    """Return the folder of the newest server there is."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    assert newest, "no PostgreSQL is installed: tests/deploy/setup.sh"
    return newest.parent


class Cluster:
    """A running server in a folder of its own, which is removed when it stops."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cluster"))
        if _OWNER:
            os.chown(self.folder, pwd.getpwnam(_OWNER).pw_uid, -1)
        self.data, self.port, self.programs = self.folder / "data", free_port(), _programs()
        options = ["--username", "postgres", "--auth", "trust", "--no-instructions"]
        subprocess.run(
            [self.programs / "initdb", "--pgdata", self.data, *options],
            user=_OWNER,
            cwd=self.folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
        self.start()

    @property
    def url(self) -> str:
        """Where it is, as CUSTOMERS_DATABASE_URL takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder],
                user=_OWNER,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 60)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """Kill the server and every process of its, and wait until they are gone."""
        server = psutil.Process(self.process.pid)
        server.suspend()  # so that none is born meanwhile
        family = [server, *server.children(recursive=True)]
        for process in family:
            process.kill()
        self.process.wait(timeout=30)
        psutil.wait_procs(family[1:], timeout=30)

    def stop(self) -> None:
        """End it and remove its files."""
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        finally:
            shutil.rmtree(self.folder)
