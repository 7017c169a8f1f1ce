"""Run the tests of the API on a PostgreSQL 15 of Debian's, through a PgBouncer; further arguments are pytest's.

``--direct`` runs all tests, on that PostgreSQL without a PgBouncer.
"""

import os
import subprocess
import sys

from tests.conftest import REPOSITORY
from tests.deploy.database.pgbouncer import PgBouncer
from tests.deploy.database.postgres import Postgres


def run(arguments: list[str]) -> int:
    """Run pytest, and return its exit status."""
    server = Postgres()
    pooler = PgBouncer(server)
    environment = {**os.environ, "CUSTOMERS_TEST_DATABASE_URL": server.conninfo()}
    if "--direct" in arguments:
        arguments.remove("--direct")
    else:
        environment["CUSTOMERS_TEST_POOLER_URL"] = pooler.conninfo()
    try:
        command = [sys.executable, "-m", "pytest", "-q", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
    finally:
        pooler.remove()
        server.remove()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
