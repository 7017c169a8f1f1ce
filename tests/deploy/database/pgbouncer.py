"""A PgBouncer in transaction mode before a PostgreSQL, with the configuration that docs/operations.md tells."""

import re
import shutil
import subprocess

import psycopg

from tests.conftest import REPOSITORY
from tests.deploy.database.postgres import USER, Postgres, folder, unprivileged
from tests.support.service import free_port, wait_until

# What is for this machine alone. Round robin, so that no two transactions of a client go to the same connection of the
# server's, if there are several: whatever the service left there would be missed, or found by somebody else.
_SETTINGS = """
listen_addr = 127.0.0.1
auth_type = any
unix_socket_dir =
logfile = {folder}/log
server_round_robin = 1
server_idle_timeout = 10
"""


class PgBouncer:
    """A PgBouncer that leads to all databases of a server."""

    def __init__(self, server: Postgres, user: str = USER) -> None:
        """Configure it to connect as a user, and start it."""
        self.folder = folder()
        self.port = free_port()
        told = re.search(r"```ini\n(\[pgbouncer\]\n.*?)```", (REPOSITORY / "docs/operations.md").read_text(), re.DOTALL)
        assert told, "the document shows a configuration"
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user={user}\n\n{told[1]}"
            f"listen_port = {self.port}\n{_SETTINGS.format(folder=self.folder)}"
        )
        self._command = ["/usr/sbin/pgbouncer", "-q", str(configuration)]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL, **unprivileged())
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo()).close()
        except psycopg.OperationalError:
            return False
        return True

    def conninfo(self, dbname: str = "postgres") -> str:
        """Return libpq's connection string of a database behind it."""
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={dbname}"

    def url(self, dbname: str = "postgres") -> str:
        """Return the URL of a database behind it."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{dbname}"

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def restart(self) -> None:
        """Stop it with all its connections, and start it anew."""
        self._stop()
        self._start()

    def remove(self) -> None:
        """Stop it, and remove its folder."""
        self._stop()
        shutil.rmtree(self.folder)
