"""Connections: what they set, what becomes of those that are dead, transactions, and what a constraint means."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from customers.config import Settings
from customers.context import Context
from customers.db import migrate
from customers.db.constraints import constraints
from customers.errors import EmailTaken
from customers.http import context
from tests.conftest import POOLER, Account, Made, application, log_in, new_client
from tests.support.answers import data_of
from tests.support.bulk import OLD_HASH, Shop
from tests.support.database import Db
from tests.support.service import ANN

# ---------------------------------------------------------------- what others have set

OTHERS = {
    "DateStyle": "SQL, DMY",
    "TimeZone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "0",
}
NAME = r"Zoë \' Müller 👋"


@pytest.fixture(params=["database", "environment"])
def misled(
    request: pytest.FixtureRequest, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Flask, Db]]:
    """Return an application on a database for which others have set what suits them."""
    ctx, db = make()
    if request.param == "database":
        name = conninfo_to_dict(ctx.settings.database_url)["dbname"]
        for setting, value in OTHERS.items():
            if setting == "standard_conforming_strings" and ctx_version(db) >= 19:
                continue
            db.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    else:
        if POOLER:
            pytest.skip("a pooler does not pass on the environment of its clients")
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
        monkeypatch.setenv("PGTZ", "Asia/Kolkata")
        monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
        monkeypatch.setenv("PGOPTIONS", "-c standard_conforming_strings=off -c bytea_output=escape")
    app = application(ctx.settings)
    migrate.apply(context.of(app).db)
    yield app, db
    context.of(app).db.close()


def ctx_version(db: Db) -> int:
    """Return the server's major version."""
    found: int = db.one("SELECT current_setting('server_version_num')::int / 10000 AS version")["version"]
    return found


def test_the_service_sets_its_own_whatever_the_database_or_the_environment_has_set(misled: tuple[Flask, Db]) -> None:
    """Cause: with PGCLIENTENCODING=LATIN1 a name with an emoji was a 500, and times were in another zone or form."""
    app, _ = misled
    client, day = new_client(app), timedelta(days=1)
    now = datetime.now(UTC)

    made = data_of(client.post("/api/customers", json={**ANN, "full_name": NAME}), 201)
    log_in(client, ANN["email"])
    read = data_of(client.get("/api/customers/me"))
    sessions = data_of(client.get("/api/customers/me/sessions"))
    app.test_cli_runner().invoke(
        args=["create-admin", "a@example.com", "--full-name", "A", "--password-stdin"], input=f"{ANN['password']}\n"
    )
    admin = new_client(app)
    log_in(admin, "a@example.com", path="/admin/user/login")

    def listed(**query: str) -> int:
        found: int = admin.get("/api/customers", query_string=query).get_json()["meta"]["total"]
        return found

    assert made["full_name"] == read["full_name"] == NAME
    for moment in (made["created_at"], read["updated_at"], sessions[0]["created_at"]):
        assert abs(datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - now) < timedelta(minutes=5)
    assert listed(keyword=NAME) == 1
    assert listed(created_from=f"{now - day:%Y-%m-%dT%H:%M:%S}", created_to=f"{now + day:%Y-%m-%dT%H:%M:%S}") == 1
    assert listed(created_from=f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}") == 0


def test_an_import_and_an_export_are_in_utf_8_likewise(misled: tuple[Flask, Db], tmp_path: Path) -> None:
    """Cause: with PGCLIENTENCODING=LATIN1 the import stored `ZoÃ« MÃ¼ller` with exit status 0."""
    shop = Shop(*misled, tmp_path)
    row = {"email": "zoe@example.com", "full_name": NAME, "password_hash": OLD_HASH, "created_at": "2020-02-03"}

    loaded = shop.load_json(row)
    exported = shop.run("export-customers", "--format", "csv")

    assert (loaded.exit_code, exported.exit_code) == (0, 0), (loaded.output, exported.output)
    stored = shop.db.one("SELECT full_name, created_at FROM customer")
    assert (stored["full_name"], stored["created_at"]) == (NAME, datetime(2020, 2, 3, tzinfo=UTC))
    assert NAME in exported.stdout_bytes.decode()
    assert "2020-02-03" in exported.output


# ---------------------------------------------------------------- connections


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(
    customer: Account, ctx: Context, db: Db
) -> None:
    with ctx.db.reading() as conn:
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    if POOLER:
        pytest.skip("this server's connection is the pooler's")
    db.execute("SELECT pg_terminate_backend(%s, 5000)", pid)
    pause(ctx)

    assert customer.client.get(customer.path).status_code == 200
    assert customer.client.patch(customer.path, json={"full_name": "Zoë"}).status_code == 200


def pause(ctx: Context) -> None:
    """Have this thread's connection be one that was last used a while ago."""
    _, connection = ctx.db._connection()
    connection.used_at = 0.0


def test_a_primary_that_takes_no_writes_any_more_is_left(
    make_app: Callable[..., Flask], database: str, customer: Account
) -> None:
    """Cause: a demoted primary goes on answering reads, and its refusal of a write left its connection in use.

    Cure: the connection is closed, and the next one looks for the primary.
    """
    app = make_app(database_url=database)
    client = new_client(app, use_cookies=False)
    with context.of(app).db.reading() as conn:
        conn.execute(text("SET default_transaction_read_only = on"))

    change = {"json": {"full_name": "Zoë"}, "headers": customer.headers}
    statuses = [client.patch(customer.path, **change).status_code for _ in range(3)]

    assert statuses == [503, 200, 200]


def test_behind_a_pooler_no_statement_is_prepared(make_app: Callable[..., Flask], database: str) -> None:
    counts = []
    for prepared in (True, False):
        app = make_app(database_url=database, prepared_statements=prepared)
        with context.of(app).db.reading() as conn:
            for _ in range(10):
                found = conn.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
        counts.append(found)

    assert counts == [1, 0]


# ---------------------------------------------------------------- transactions


def test_a_write_is_all_or_nothing_and_what_waits_for_its_commit_is_called_only_then(ctx: Context) -> None:
    called: list[str] = []

    def write(email: str, *, fail: bool) -> None:
        with ctx.db.writing() as tx:
            tx.after_commit(lambda: called.append(email))
            tx.conn.execute(text("INSERT INTO customer (email, password) VALUES (:email, 'x')"), {"email": email})
            assert called == []
            if fail:
                raise KeyError

    with pytest.raises(KeyError):
        write("a@example.com", fail=True)
    write("b@example.com", fail=False)

    with ctx.db.reading() as conn:
        assert conn.execute(text("SELECT email FROM customer")).scalars().all() == ["b@example.com"]
    assert called == ["b@example.com"]


def test_a_thread_that_uses_its_connection_twice_at_once_is_a_fault_of_the_code(ctx: Context) -> None:
    with ctx.db.reading(), pytest.raises(RuntimeError), ctx.db.writing():
        pytest.fail("a transaction within a read")


def test_a_constraint_that_stands_for_no_error_is_a_fault(ctx: Context) -> None:
    insert = text("INSERT INTO customer (email, password, group_id) VALUES ('a@b.co', 'x', 99)")

    with pytest.raises(IntegrityError), ctx.db.writing() as tx, constraints({"EMAIL_UNIQUE": EmailTaken}):
        tx.conn.execute(insert)
    with pytest.raises(EmailTaken), ctx.db.writing() as tx, constraints({"FK_CUSTOMER_GROUP": EmailTaken}):
        tx.conn.execute(insert)


def test_an_answer_that_does_not_come_in_time_is_an_error_and_its_connection_is_closed(
    make_app: Callable[..., Flask], settings: Settings, customer: Account
) -> None:
    """The late answer must not be taken for the next statement's."""
    app = make_app(database_timeout=0.3)
    ctx, client = context.of(app), new_client(app, use_cookies=False)

    with pytest.raises(Exception, match="timeout"), ctx.db.reading() as conn:
        conn.execute(text("SELECT pg_sleep(60)"))

    assert client.get(customer.path, headers=customer.headers).status_code == 200
    with psycopg.connect(settings.database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
