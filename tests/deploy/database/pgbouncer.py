"""A PgBouncer in transaction mode before a PostgreSQL, with the configuration that docs/operations.md tells."""

import re
import shutil
import subprocess

import psycopg

from tests.conftest import REPOSITORY
from tests.support.postgres import USER, Postgres, Server, unprivileged
from tests.support.service import wait_until

# What is for this machine alone. Round robin, so that no two transactions of a client go to the same connection of the
# server's, if there are several: whatever the service left there would be missed, or found by somebody else.
_SETTINGS = """
listen_addr = 127.0.0.1
auth_type = any
unix_socket_dir =
server_round_robin = 1
server_idle_timeout = 10
"""


class PgBouncer(Server):
    def __init__(self, server: Postgres, user: str = USER) -> None:
        """Configure it to connect as a user, and start it."""
        super().__init__()
        told = re.search(r"```ini\n(\[pgbouncer\]\n.*?)```", (REPOSITORY / "docs/operations.md").read_text(), re.DOTALL)
        assert told, "the document shows a configuration"
        self._configuration = self.folder / "pgbouncer.ini"
        self._configuration.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user={user}\n\n{told[1]}"
            f"listen_port = {self.port}\nlogfile = {self.folder}/log\n{_SETTINGS}"
        )
        self._start()

    def _start(self) -> None:
        command = ["/usr/sbin/pgbouncer", "-q", str(self._configuration)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **unprivileged())
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def restart(self) -> None:
        """Stop it with all its connections, and start it anew."""
        self._stop()
        self._start()

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def close(self) -> None:
        self._stop()
        shutil.rmtree(self.folder)
