"""The service as it is run: gunicorn with this repository's gunicorn.conf.py."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from customers.db import migrate
from customers.errors import SchemaMissing
from tests.conftest import EVERSHOP, PASSWORD, Made
from tests.support.database import Db
from tests.support.service import ANN, Service, run, sign_up, wait_until
from tests.support.shops import migrated
from tests.support.threads import waiting_for_a_lock


def test_the_access_log_says_who_did_what_and_no_secret(service: Service) -> None:
    path, header = sign_up(service, "logged@example.com")

    service.call("GET", f"{path}?token=tell-nobody", headers={**header, "X-Request-ID": "find-me"})
    service.call("POST", "/customer/login", {"email": "logged@example.com", "password": "tell-nobody"})

    wait_until(lambda: [line for line in service.lines() if line.get("status") == 401])
    (line,) = [line for line in service.lines() if line.get("request_id") == "find-me"]
    assert line["time"].endswith("+00:00")
    assert (line["method"], line["path"]) == ("GET", path)
    assert line["duration_ms"] > 0
    assert line["caller"] == {"kind": "customer", "uuid": path.split("/")[-1]}
    text = service.log.read_text()
    assert [secret for secret in ("tell-nobody", PASSWORD, header["X-Session-ID"], "$2b$") if secret in text] == []


def test_a_new_database_needs_its_schema(serve: Callable[..., Service], make_database: Callable[[], str]) -> None:
    """Before init-db it is not ready, after it is; without a mail server it warns."""
    service = serve(make_database(), CUSTOMERS_WORKERS="1")
    before = [service.call("GET", "/readyz"), service.call("POST", "/api/customers", ANN)]
    made = run("flask", "init-db", **service.settings)

    assert [(status, body["error"]["code"]) for status, body in before] == [(503, "schema_missing")] * 2
    assert all("flask init-db" in body["error"]["message"] for _, body in before)
    assert (made.returncode, made.stderr) == (0, "")
    assert (service.call("GET", "/readyz")[0], service.call("POST", "/api/customers", ANN)[0]) == (200, 201)
    assert [line for line in service.lines() if line["level"] == "warning" and "CUSTOMERS_SMTP_URL" in line["message"]]


@pytest.mark.usefixtures("app")  # empty tables
def test_a_reload_and_a_stop_finish_requests_in_flight(serve: Callable[..., Service], database: str, db: Db) -> None:
    """That none is refused meanwhile is nginx's: tests/deploy."""
    service = serve(database, CUSTOMERS_WORKERS="1")
    path, header = sign_up(service, "in-flight@example.com")
    (first,) = service.workers()

    def answer_across(how: signal.Signals) -> int:
        """Return the status of a request that is in flight when a signal comes."""
        with psycopg.connect(database) as conn, ThreadPoolExecutor(1) as pool:
            conn.execute("LOCK TABLE customer_address IN ACCESS EXCLUSIVE MODE")
            answer = pool.submit(service.call, "GET", f"{path}/addresses", headers=header)
            wait_until(lambda: waiting_for_a_lock(db))
            service.process.send_signal(how)
            wait_until(lambda: f"Handling signal: {how.name[3:].lower()}" in service.log.read_text())
            conn.rollback()
            return answer.result()[0]

    assert answer_across(signal.SIGHUP) == 200
    wait_until(lambda: not first.is_running())
    wait_until(service.answers)

    assert answer_across(signal.SIGTERM) == 200
    assert service.stop() == 0
    with pytest.raises(OSError, match="refused"):
        service.call("GET", "/healthz")


def test_an_older_schema_is_as_good_as_none_and_a_newer_good_enough_and_left_as_it_is(
    make: Callable[..., Made],
) -> None:
    ctx, db = migrated(make)
    db.execute("UPDATE customers_schema SET version = 1000")
    db.execute("CREATE OR REPLACE FUNCTION customers_time(moment timestamptz) RETURNS text LANGUAGE sql RETURN 'newer'")
    assert migrate.apply(ctx.db, recount=True) == 1000
    migrate.check(ctx.db)
    found = db.one("SELECT version, customers_time(now()) AS function FROM customers_schema")
    assert found == {"version": 1000, "function": "newer"}

    db.execute("UPDATE customers_schema SET version = %s", migrate.version())
    migrate.check(ctx.db)
    for change in (
        "UPDATE customers_schema SET version = version - 1",
        "DELETE FROM customers_schema",
        "ALTER TABLE customers_schema RENAME version TO another",
    ):
        db.execute(change)
        with pytest.raises((SchemaMissing, ProgrammingError)):  # the latter of a column is answered as the former
            migrate.check(ctx.db)


def test_applying_the_schema_again_waits_for_no_open_transaction(make: Callable[..., Made]) -> None:
    """CREATE INDEX IF NOT EXISTS takes its lock before it looks, and would wait for every writer."""
    ctx, db = migrated(make, EVERSHOP)

    with ctx.db.writing() as tx:
        tx.conn.exec_driver_sql("UPDATE customer SET full_name = 'open'")
        tx.conn.exec_driver_sql("UPDATE admin_user SET full_name = 'open'")
        tx.conn.exec_driver_sql("DELETE FROM login_session")
        migrate.apply(ctx.db)

    assert db.one("SELECT full_name FROM customer WHERE customer_id = 1") == {"full_name": "open"}
