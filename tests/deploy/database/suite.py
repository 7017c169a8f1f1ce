"""Run the tests of the API on a PostgreSQL 15 of Debian's, through a PgBouncer; further arguments are pytest's.

``--direct`` runs them on that PostgreSQL without a PgBouncer.
"""

import os
import subprocess
import sys
from contextlib import closing

from tests.conftest import REPOSITORY
from tests.deploy.database.pgbouncer import PgBouncer
from tests.deploy.database.postgres import Postgres

if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--direct"]
    with closing(Postgres()) as server, closing(PgBouncer(server)) as pooler:
        environment = {**os.environ, "CUSTOMERS_TEST_DATABASE_URL": server.conninfo}
        if "--direct" not in sys.argv:
            environment["CUSTOMERS_TEST_POOLER_URL"] = pooler.conninfo
        command = [sys.executable, "-m", "pytest", "-q", *arguments]
        status = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
    sys.exit(status)
