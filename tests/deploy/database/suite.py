"""Run the tests of the API on a PostgreSQL 15 of Debian's, through a PgBouncer; arguments are pytest's."""

import os
import subprocess
import sys
from contextlib import closing

from tests.conftest import REPOSITORY
from tests.deploy.database.pgbouncer import PgBouncer
from tests.support.postgres import Postgres

if __name__ == "__main__":
    with closing(Postgres()) as server, closing(PgBouncer(server)) as pooler:
        where = {"CUSTOMERS_TEST_DATABASE_URL": server.conninfo, "CUSTOMERS_TEST_POOLER_URL": pooler.conninfo}
        command = [sys.executable, "-m", "pytest", "-q", *sys.argv[1:]]
        status = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, **where}, check=False).returncode
    sys.exit(status)
