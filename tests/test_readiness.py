"""Whether the schema is there and new enough, and how connections are set up."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from psycopg.conninfo import conninfo_to_dict

from customers.db import migrate
from customers.config import Settings
from customers.errors import SchemaMissing
from customers.context import Context
from tests.conftest import EVERSHOP, Made, application, new_client


def test_a_missing_schema_makes_readyz_say_what_to_run(make: Callable[..., Made]) -> None:
    ctx, _ = make()
    app = application(ctx.settings)

    response = new_client(app).get("/readyz")
    health = new_client(app).get("/healthz")

    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "schema_missing")
    assert "flask init-db" in response.get_json()["error"]["message"]
    assert health.status_code == 200
    app.extensions["customers"].database.close()


@pytest.mark.parametrize("change", ["SET version = version - 1", "DELETE"])
def test_so_does_a_stale_one(make: Callable[..., Made], change: str) -> None:
    ctx, db = make()
    migrate.apply(ctx.db)
    migrate.check(ctx.db)
    db.execute("DELETE FROM customers_schema" if change == "DELETE" else f"UPDATE customers_schema {change}")

    with pytest.raises(SchemaMissing):
        migrate.check(ctx.db)


def test_a_newer_one_is_good_enough_and_is_not_set_back(make: Callable[..., Made]) -> None:
    ctx, db = make()
    migrate.apply(ctx.db)
    db.execute("UPDATE customers_schema SET version = 1000")

    migrate.apply(ctx.db)

    migrate.check(ctx.db)
    assert db.one("SELECT version FROM customers_schema") == {"version": 1000}


def test_so_does_a_table_of_another_shape(make: Callable[..., Made]) -> None:
    ctx, db = make()
    db.execute("CREATE TABLE customers_schema (wrong int)")

    with pytest.raises(SchemaMissing):
        migrate.check(ctx.db)


def test_without_a_schema_requests_and_commands_say_so_too(make: Callable[..., Made]) -> None:
    ctx, _ = make()
    app = application(ctx.settings)
    body = {"email": "a@example.com", "password": "correct horse battery", "full_name": "A"}

    created = new_client(app).post("/api/customers", json=body)
    purged = app.test_cli_runner().invoke(args=["purge"])

    assert (created.status_code, created.get_json()["error"]["code"]) == (503, "schema_missing")
    assert purged.exit_code == 1
    assert "run: flask init-db" in purged.output
    app.extensions["customers"].database.close()


def test_applying_it_again_keeps_no_writer_waiting(make: Callable[..., Made]) -> None:
    """CREATE INDEX IF NOT EXISTS takes its lock before it looks, and would wait for every open transaction."""
    ctx, db = make(EVERSHOP)
    migrate.apply(ctx.db, repair_defaults=True)

    with ctx.db.writing() as conn:
        conn.exec_driver_sql("UPDATE customer SET full_name = 'open'")
        conn.exec_driver_sql("UPDATE admin_user SET full_name = 'open'")
        conn.exec_driver_sql("DELETE FROM login_session")
        migrate.apply(ctx.db)

    assert db.one("SELECT full_name FROM customer WHERE customer_id = 1") == {"full_name": "open"}


def test_every_table_and_constraint_of_ours_is_named_in_lower_case(make: Callable[..., Made]) -> None:
    ctx, db = make()
    migrate.apply(ctx.db)

    ours = db.all("SELECT conname FROM pg_constraint WHERE conrelid = 'login_session'::regclass AND contype <> 'n'")

    assert all(re.fullmatch(r"login_session_[a-z_]+", row["conname"]) for row in ours)


def test_connections_are_told_apart_and_bounded(ctx: Context) -> None:
    from sqlalchemy import text

    with ctx.db.writing() as conn:
        row = conn.execute(
            text(
                "SELECT current_setting('application_name') AS name, current_setting('timezone') AS zone,"
                " current_setting('statement_timeout') AS timeout"
            )
        ).one()

    assert tuple(row) == ("customers", "UTC", "5s")


def test_a_urls_own_options_are_kept(make_database: Callable[[], str], settings: Settings) -> None:
    from sqlalchemy import text

    conninfo = f"{make_database()} options='-c work_mem=7MB'"
    ctx = Context.of(replace(settings, database_url=conninfo))
    assert "options" in conninfo_to_dict(conninfo)

    with ctx.db.reading() as conn:
        assert conn.execute(text("SHOW work_mem")).scalar_one() == "7MB"
        assert conn.execute(text("SHOW timezone")).scalar_one() == "UTC"
    ctx.db.close()
