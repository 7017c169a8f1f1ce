"""The restricted role behind a PgBouncer in transaction mode: each transaction may meet another connection."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.deploy.database.pgbouncer import PgBouncer
from tests.deploy.database.postgres import Postgres
from tests.deploy.front import ROLE, as_service
from tests.support.service import ANN, Service, sign_up, wait_until
from tests.support.shops import serving, with_schema

SETTINGS = """
SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
       (SELECT count(*) FROM pg_prepared_statements)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Return a PostgreSQL with the schema, and the role as role.sql makes it, with a shorter timeout."""
    with closing(Postgres()) as server:
        with_schema(server.conninfo)
        as_service(server.url)
        server.execute(f"ALTER ROLE {ROLE} SET statement_timeout = '1s'")
        yield server


@pytest.fixture(scope="module")
def pgbouncer(server: Postgres) -> Iterator[PgBouncer]:
    with closing(PgBouncer(server, ROLE)) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def service(pgbouncer: PgBouncer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, settings = tmp_path_factory.mktemp("pooled"), {"CUSTOMERS_PREPARED_STATEMENTS": "false"}
    with serving(folder, pgbouncer.url, CUSTOMERS_WORKERS="2", **settings) as service:
        yield service


def test_many_callers_share_few_connections_and_leave_nothing_on_them(
    service: Service, server: Postgres, pgbouncer: PgBouncer
) -> None:
    path, header = sign_up(service, "many@example.com")

    def call(number: int) -> tuple[int, int]:
        body = {**ANN, "email": f"person{number}@example.com"}
        return service.call("GET", path, headers=header)[0], service.call("POST", "/api/customers", body)[0]

    with ThreadPoolExecutor(40) as callers:
        statuses = Counter(callers.map(call, range(400)))
    connections = server.execute(f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'")
    with pgbouncer.connect() as conn:  # in turns to each of the server's connections
        left = {row for _ in range(3 * len(connections)) for row in conn.execute(SETTINGS.encode())}

    assert statuses == {(200, 201): 400}
    assert 1 < len(connections) <= 20
    assert left == {("1s", "10s", 0)}  # the role's


@pytest.mark.parametrize(("method", "lock"), [("GET", "ACCESS EXCLUSIVE"), ("PATCH", "EXCLUSIVE")])
def test_a_slow_statement_is_a_503_in_time_by_the_roles_timeout_and_goes_on_nowhere(
    service: Service, server: Postgres, method: str, lock: str
) -> None:
    path, header = sign_up(service, f"slow-{method.lower()}@example.com")
    body = {"full_name": "X"} if method == "PATCH" else None

    with server.connect() as conn, conn.transaction():
        conn.execute(f"LOCK TABLE customer IN {lock} MODE".encode())
        began = time.monotonic()
        status = service.call(method, path, body, header)[0]
        seconds = time.monotonic() - began
        waiting = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: conn.execute(waiting).fetchall() == [], 5)

    messages = [line["message"].partition(":")[0] for line in service.lines() if line["level"] == "warning"]
    assert status == 503
    assert seconds < 5.5  # before CUSTOMERS_DATABASE_TIMEOUT, which is for a server that is frozen
    assert messages[-1:] == ["QueryCanceled"]
    assert service.call("GET", path, headers=header)[0] == 200


def test_a_restart_of_the_pooler_heals_by_itself(service: Service, pgbouncer: PgBouncer) -> None:
    path, header = sign_up(service, "restart@example.com")

    pgbouncer.restart()

    assert {service.call("GET", path, headers=header)[0] for _ in range(20)} == {200}
