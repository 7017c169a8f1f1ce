"""The restricted role behind a PgBouncer in transaction mode: each transaction may meet another connection."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.deploy.database.pgbouncer import PgBouncer
from tests.support.postgres import Postgres
from tests.support.service import ANN, sign_up, wait_until
from tests.support.shops import ROLE, give_rights, serving, with_schema

SETTINGS = """
SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
       (SELECT count(*) FROM pg_prepared_statements)
"""


def test_many_callers_share_few_connections_and_leave_nothing_on_them(tmp_path: Path) -> None:
    settings = {"CUSTOMERS_PREPARED_STATEMENTS": "false", "CUSTOMERS_WORKERS": "2"}
    with closing(Postgres()) as server:
        with_schema(server.conninfo)
        give_rights(server.conninfo)
        with closing(PgBouncer(server, ROLE)) as pooler, serving(tmp_path, pooler.conninfo, **settings) as service:
            path, header = sign_up(service, "many@example.com")

            def call(number: int) -> tuple[int, int]:
                body = {**ANN, "email": f"person{number}@example.com"}
                return service.call("GET", path, headers=header)[0], service.call("POST", "/api/customers", body)[0]

            with ThreadPoolExecutor(40) as callers:
                statuses = Counter(callers.map(call, range(400)))
            connections = server.execute(f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'")
            with pooler.connect() as conn:  # in turns to each of the server's connections
                left = {row for _ in range(3 * len(connections)) for row in conn.execute(SETTINGS.encode())}
            pooler.restart()
            # A connection that was used within half a second is not looked at before it is used again.
            wait_until(lambda: {service.call("GET", path, headers=header)[0] for _ in range(20)} == {200}, 10)

    assert statuses == {(200, 201): 400}
    assert 1 < len(connections) <= 20
    assert left == {("5s", "10s", 0)}  # the role's
