"""Behind a PgBouncer in transaction mode, where each transaction may meet another connection of the server's."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.deploy.database.conftest import Command
from tests.deploy.database.pgbouncer import PgBouncer
from tests.deploy.database.postgres import Postgres
from tests.support.service import ANN, Service, sign_up, wait_until


@pytest.fixture
def pooled(pgbouncer: PgBouncer) -> dict[str, str]:
    """Return what says that the service is behind the pooler."""
    return {"CUSTOMERS_DATABASE_URL": pgbouncer.url(), "CUSTOMERS_POOLER": "transaction"}


@pytest.fixture
def service(primary: Postgres, flask: Command, pooled: dict[str, str], start: Callable[..., Service]) -> Service:
    """Return a service behind the pooler, on a database with the schema."""
    assert flask("init-db", **pooled).returncode == 0
    return start(**pooled, CUSTOMERS_STATEMENT_TIMEOUT="1")


def test_many_callers_share_few_connections_and_leave_nothing_on_them(
    service: Service, primary: Postgres, pgbouncer: PgBouncer
) -> None:
    path, header = sign_up(service, "ann@example.com")

    def call(number: int) -> tuple[int, int]:
        email = f"person{number}@example.com"
        return (
            service.call("GET", path, headers=header)[0],
            service.call("POST", "/api/customers", {**ANN, "email": email})[0],
        )

    with ThreadPoolExecutor(40) as callers:
        statuses = Counter(callers.map(call, range(400)))
    connections = primary.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'customers'")
    left = set()
    # In turns to each of the server's connections.
    with psycopg.connect(pgbouncer.conninfo(), autocommit=True, prepare_threshold=None) as conn:
        for _ in range(3 * len(connections)):
            left |= set(
                conn.execute("""
                    SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
                           (SELECT count(*) FROM pg_prepared_statements)
                """).fetchall()
            )

    assert statuses == {(200, 201): 400}
    assert 1 < len(connections) <= 20
    assert left == {("0", "0", 0)}


@pytest.mark.parametrize(
    ("method", "lock"),
    [
        pytest.param("GET", "LOCK TABLE customer IN ACCESS EXCLUSIVE MODE", id="a read, cancelled by the service"),
        pytest.param("PATCH", "SELECT FROM customer FOR UPDATE", id="a write, cancelled by the server"),
    ],
)
def test_a_slow_statement_is_a_503_in_time_and_goes_on_nowhere(
    service: Service, primary: Postgres, method: str, lock: str
) -> None:
    path, header = sign_up(service, "ann@example.com")
    body = {"full_name": "X"} if method == "PATCH" else None

    with primary.connect() as conn, conn.transaction():
        conn.execute(lock.encode())
        began = time.monotonic()
        status = service.call(method, path, body, header)[0]
        seconds = time.monotonic() - began
        waiting = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: conn.execute(waiting).fetchall() == [], 5)
    healed = service.call("GET", path, headers=header)[0]

    messages = [line["message"].partition(":")[0] for line in service.lines() if line["level"] == "warning"]

    assert status == 503
    assert seconds < 5
    assert healed == 200
    assert messages[-1:] == ["QueryCanceled"]


def test_import_and_export_need_a_way_past_the_pooler_and_say_so(
    service: Service, primary: Postgres, flask: Command, pooled: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(f'email,full_name,password\nbob@example.com,Bob,"{ANN["password"]}"\n')

    refused = [flask("import-customers", str(file), **pooled), flask("export-customers", "--format", "csv", **pooled)]
    past = {**pooled, "CUSTOMERS_DIRECT_URL": primary.url()}
    imported, exported = (
        flask("import-customers", str(file), **past),
        flask("export-customers", "--format", "csv", **past),
    )

    assert [(run.returncode, "CUSTOMERS_DIRECT_URL is needed" in run.stderr) for run in refused] == [(1, True)] * 2
    assert imported.returncode == 0, imported.stderr
    assert '"bob@example.com"' in exported.stdout


def test_a_pooler_that_nobody_told_of_is_named(flask: Command, primary: Postgres, pgbouncer: PgBouncer) -> None:
    run = flask("init-db", CUSTOMERS_DATABASE_URL=pgbouncer.url())

    assert run.returncode == 1
    assert "CUSTOMERS_POOLER=transaction" in run.stderr


def test_a_restart_of_the_pooler_heals_by_itself(service: Service, pgbouncer: PgBouncer) -> None:
    path, header = sign_up(service, "ann@example.com")

    pgbouncer.restart()

    assert {service.call("GET", path, headers=header)[0] for _ in range(20)} == {200}
