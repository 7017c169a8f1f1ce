"""Whether the schema is there and new enough, and how connections are set up."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from customers.config import Settings
from customers.context import Context
from customers.db import migrate
from customers.errors import SchemaMissing
from customers.http import context
from tests.conftest import EVERSHOP, Made, application, new_client
from tests.support.answers import refused
from tests.support.service import ANN
from tests.support.shops import migrated


def test_without_the_schema_every_request_but_healthz_says_what_to_run(make: Callable[..., Made]) -> None:
    app = application(make()[0].settings)
    client = new_client(app)

    for answer in (client.get("/readyz"), client.post("/api/customers", json=ANN)):
        refused(answer, 503, "schema_missing")
        assert "flask init-db" in answer.get_json()["error"]["message"]
    assert client.get("/healthz").status_code == 200
    context.of(app).db.close()


@pytest.mark.parametrize("change", [
    "UPDATE customers_schema SET version = version - 1", "DELETE FROM customers_schema",
    "ALTER TABLE customers_schema RENAME version TO another",
])  # fmt: skip
def test_an_older_schema_is_as_good_as_none_and_a_newer_one_is_good_enough(
    make: Callable[..., Made], change: str
) -> None:
    ctx, db = migrated(make)
    db.execute("UPDATE customers_schema SET version = 1000")
    migrate.apply(ctx.db)
    migrate.check(ctx.db)
    assert db.one("SELECT version FROM customers_schema") == {"version": 1000}, "it is not set back"

    db.execute("UPDATE customers_schema SET version = %s", migrate.version())
    migrate.check(ctx.db)
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


def test_connections_keep_the_urls_options_but_those_that_the_service_sets_itself(settings: Settings) -> None:
    odd = "-c work_mem=7MB -c TimeZone=Asia/Tokyo -c DateStyle=German -c standard_conforming_strings=off"
    conninfo = make_conninfo(settings.database_url, options=odd, client_encoding="LATIN1")
    other = Context.of(replace(settings, database_url=conninfo))

    with other.db.reading() as conn:
        names = ("TimeZone", "DateStyle", "client_encoding", "standard_conforming_strings", "work_mem")
        found = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    other.db.close()

    assert found == ["UTC", "ISO, DMY", "UTF8", "on", "7MB"]
