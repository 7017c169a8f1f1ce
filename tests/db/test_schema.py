"""The database: an empty one, one of this service, and a running shop's (CONTRACT section 5)."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import make_conninfo

from customers.config import Settings
from customers.db import migrate
from customers.db.engine import Database
from customers.db.migrate import SchemaConflict
from customers.http import context
from tests.conftest import EVERSHOP, PASSWORD, REPOSITORY, Made, application, log_in, new_client, reaching
from tests.db.conftest import SHOPS
from tests.support.database import Db
from tests.support.own_postgres import OwnPostgres
from tests.support.service import ANN, BIN, database_url, environment
from tests.support.shops import migrated
from tests.support.threads import at_once

# CONTRACT section 5, and the names in an EverShop database.
COLUMNS = {
    "customer_group": "customer_group_id integer!, uuid uuid!, group_name character varying!,"
    " created_at timestamp with time zone, updated_at timestamp with time zone",
    "customer": "customer_id integer!, uuid uuid!, status smallint!, group_id integer, email character varying!,"
    " password character varying!, full_name character varying, created_at timestamp with time zone,"
    " updated_at timestamp with time zone, meta_data jsonb",
    "customer_address": "customer_address_id integer!, uuid uuid!, customer_id integer!, full_name character varying,"
    " telephone character varying, address_1 character varying, address_2 character varying,"
    " postcode character varying, city character varying, province character varying, country character varying!,"
    " created_at timestamp with time zone, updated_at timestamp with time zone, is_default boolean",
    "admin_user": "admin_user_id integer!, uuid uuid!, status boolean!, email character varying!,"
    " password character varying!, full_name character varying, created_at timestamp with time zone,"
    " updated_at timestamp with time zone",
    "reset_password_token": "reset_password_token_id integer!, customer_id integer!, token text!,"
    " created_at timestamp with time zone!",
}
CONSTRAINTS = {
    "EMAIL_UNIQUE", "CUSTOMER_UUID_UNIQUE", "FK_CUSTOMER_GROUP", "CUSTOMER_ADDRESS_UUID_UNIQUE", "FK_CUSTOMER_ADDRESS",
    "ADMIN_USER_EMAIL_UNIQUE", "ADMIN_USER_UUID_UNIQUE", "FK_RESET_PASSWORD_TOKEN_CUSTOMER",
}  # fmt: skip


def structure(db: Db) -> list[dict[str, Any]]:
    """Return all that the schema consists of, in words."""
    return db.all("""
        SELECT 'column' AS kind, table_name || '.' || column_name AS name,
               concat_ws(' ', data_type, column_default, is_nullable, identity_generation) AS what
          FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
         ORDER BY 1, 2, 3
    """)


def rows(db: Db) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables."""
    tables = db.all("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {table["name"]: db.all(f'SELECT * FROM "{table["name"]}" ORDER BY 1') for table in tables}


def test_an_empty_database_gets_the_tables_of_an_evershop(make: Callable[..., Made]) -> None:
    _, db = migrated(make)

    found = db.all("""
        SELECT table_name, string_agg(column_name || ' ' || data_type
                 || CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END, ', ' ORDER BY ordinal_position) AS columns
          FROM information_schema.columns
         WHERE table_schema = 'public'
         GROUP BY table_name
    """)
    columns = {row["table_name"]: row["columns"] for row in found}
    assert {name: columns[name] for name in COLUMNS} == COLUMNS
    constraints = {row["conname"] for row in db.all("SELECT conname FROM pg_constraint")}
    assert constraints >= CONSTRAINTS
    assert db.all("SELECT customer_group_id, group_name FROM customer_group") == [
        {"customer_group_id": 1, "group_name": "Default"}
    ]
    accounts = "SELECT (SELECT count(*) FROM customer) + (SELECT count(*) FROM admin_user) AS found"
    assert db.one(accounts) == {"found": 0}, "no account comes with it"


def test_defaults_and_deletions_are_an_evershops(make: Callable[..., Made]) -> None:
    _, db = migrated(make)
    db.execute("INSERT INTO customer_group (group_name) VALUES ('Second')")
    db.execute("INSERT INTO customer (email, password, group_id) VALUES ('a@b.co', 'x', 2)")
    db.execute("INSERT INTO customer (email, password) VALUES ('b@b.co', 'x')")
    row = db.one(
        "SELECT status, group_id, meta_data, uuid, created_at, updated_at FROM customer WHERE email = 'b@b.co'"
    )
    assert (row["status"], row["group_id"], row["meta_data"]) == (1, 1, {})
    assert all(row.values()) or row["meta_data"] == {}

    db.execute("DELETE FROM customer_group WHERE customer_group_id = 2")

    assert db.one("SELECT group_id FROM customer WHERE email = 'a@b.co'")["group_id"] is None


@SHOPS
def test_the_default_group_cannot_be_deleted(make: Callable[..., Made], sql: str) -> None:
    _, db = migrated(make, sql)

    with pytest.raises(psycopg.Error, match="default customer group"):
        db.execute("DELETE FROM customer_group WHERE customer_group_id = 1")


@SHOPS
def test_applying_again_changes_nothing(make: Callable[..., Made], sql: str) -> None:
    ctx, db = migrated(make, sql)
    before = structure(db), rows(db)

    migrate.apply(ctx.db)

    assert (structure(db), rows(db)) == before


def test_an_existing_shop_loses_nothing_and_only_gains(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    db.execute("UPDATE customer_address SET is_default = false WHERE customer_address_id = 1")
    before, before_rows = structure(db), rows(db)

    migrate.apply(ctx.db)

    after, after_rows = structure(db), rows(db)
    assert [part for part in before if part not in after] == []
    assert {name: after_rows[name] for name in before_rows} == before_rows
    triggers = [part["name"] for part in after if part["kind"] == "trigger"]
    assert len(triggers) == len(set(triggers))
    assert [part for part in after if part["name"].startswith("customer.") and part not in before] == []


@SHOPS
def test_processes_applying_it_at_once_do_no_harm(make: Callable[..., Made], sql: str) -> None:
    ctx, db = make(sql)

    assert at_once(8, lambda _: migrate.apply(ctx.db, repair_defaults=True)) == [None] * 8

    migrate.check(ctx.db)
    assert len(db.all("SELECT FROM customer_group WHERE customer_group_id = 1")) == 1


@pytest.mark.parametrize("table", ["customer", "admin_user"])
def test_e_mails_that_differ_only_by_case_stop_it_by_name_and_nothing_changes(
    make: Callable[..., Made], table: str
) -> None:
    ctx, db = make(EVERSHOP)
    for email in ("Twice@example.com", "tWICE@example.com", "alone@example.com"):
        db.execute(f"INSERT INTO {table} (email, password) VALUES (%s, 'x')", email)
    before = structure(db), rows(db)

    with pytest.raises(SchemaConflict) as caught:
        migrate.apply(ctx.db)

    assert "tWICE@example.com, Twice@example.com" in str(caught.value) or "Twice@example.com, tWICE" in str(
        caught.value
    )
    assert table in str(caught.value)
    assert "alone" not in str(caught.value)
    assert (structure(db), rows(db)) == before


def test_several_default_addresses_stop_it_by_name_and_nothing_changes(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    before = structure(db), rows(db)
    defaults = db.all("SELECT uuid FROM customer_address WHERE is_default")

    with pytest.raises(SchemaConflict, match="--repair-defaults") as caught:
        migrate.apply(ctx.db)

    assert "Jane@Example.com" in str(caught.value)
    assert len(defaults) == 2
    assert all(str(row["uuid"]) in str(caught.value) for row in defaults)
    assert (structure(db), rows(db)) == before


def test_the_option_leaves_the_newest_default_and_touches_no_other_address(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    addresses = "SELECT customer_address_id, is_default, xmin::text FROM customer_address ORDER BY 1"
    before = db.all(addresses)

    migrate.apply(ctx.db, repair_defaults=True)

    after = db.all(addresses)
    assert [row["is_default"] for row in after] == [False, None, True]
    assert after[1:] == before[1:]


# ---------------------------------------------------------------- a schema, an encoding and a locale of its own


def test_two_shops_live_in_schemas_of_their_own(make_database: Callable[[], str], settings: Settings) -> None:
    """All names resolve through search_path, those in functions and triggers included."""
    shared = make_database()
    apps: dict[str, Flask] = {}
    for name in ("first", "second"):
        with psycopg.connect(shared) as conn:
            conn.execute(f"CREATE SCHEMA {name}".encode())
        apps[name] = application(reaching(settings, make_conninfo(shared, options=f"-csearch_path={name}")))
        migrate.apply(context.of(apps[name]).db)

    with Db(shared) as db:
        for number, (name, app) in enumerate(apps.items(), 1):
            client = new_client(app)
            for email in ["ann@example.com", *(f"c{other}@example.com" for other in range(number))]:
                assert client.post("/api/customers", json={**ANN, "email": email}).status_code == 201
            log_in(client, "ANN@example.com")
            assert client.get("/api/customers/me").status_code == 200
            assert client.delete("/api/customers/me").status_code == 200
            assert db.one(f"SELECT sum(customers)::int AS counted FROM {name}.customer_counter") == {"counted": number}
            assert client.get("/readyz").status_code == 200
            context.of(app).db.close()
        assert db.all("SELECT FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.fixture
def latin1(server: str) -> Iterator[str]:
    """Return the connection string of a database that is not in UTF-8."""
    name = "latin1_" + os.urandom(8).hex()
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'".encode())
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_database_that_is_not_in_utf_8_is_refused_by_name_when_it_is_made_and_at_start(
    latin1: str, settings: Settings
) -> None:
    """Cause: in a LATIN1 database a registration of a name with an emoji was a 500."""
    made = application(reaching(settings, latin1)).test_cli_runner().invoke(args=["init-db"])
    with psycopg.connect(latin1) as conn, pytest.raises(psycopg.Error, match="has the encoding LATIN1, and needs UTF8"):
        conn.execute(migrate.FILE.read_bytes())
    started = subprocess.run(
        [BIN / "gunicorn"],
        cwd=REPOSITORY,
        env=environment(CUSTOMERS_DATABASE_URL=database_url(latin1), CUSTOMERS_SECRET_KEY="k" * 32),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = "the database has the encoding LATIN1, and needs UTF8"
    assert (made.exit_code, said in made.output) == (1, True)
    assert (started.returncode != 0, said in started.stderr) == (True, True)
    with psycopg.connect(latin1) as conn:
        assert conn.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


@pytest.fixture
def turkish(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the connection string of a database in which lower('I') is not 'i'."""
    name = "turkish_" + os.urandom(8).hex()
    with psycopg.connect(server, autocommit=True) as conn:
        try:
            conn.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C'".encode()
            )
        except psycopg.errors.FeatureNotSupported:
            server = server_in_turkish(tmp_path, monkeypatch, name)
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def server_in_turkish(folder: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> str:
    """Return a server of its own that has such a database, by a locale of the C library made for it."""
    localedef = shutil.which("localedef")
    locales = folder / "locales"
    locales.mkdir()
    made = localedef and subprocess.run(
        [localedef, "--quiet", "-i", "tr_TR", "-f", "UTF-8", locales / "tr_TR.UTF-8"], check=False
    )
    if not made or made.returncode:
        pytest.skip("PostgreSQL has no ICU here, and localedef cannot make the locale tr_TR.UTF-8")
    for path in (locales, *locales.parents):
        if path.is_relative_to(folder.parent.parent):
            path.chmod(0o755)  # for the user that the server runs as
    monkeypatch.setenv("LOCPATH", str(locales))
    conninfo = OwnPostgres(folder / "turkish").conninfo
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {database} TEMPLATE template0 LOCALE 'tr_TR.UTF-8'".encode())
    return conninfo


def test_case_is_folded_in_the_same_way_in_a_turkish_database(turkish: str, settings: Settings) -> None:
    """Cause: there info@ and INFO@ were two accounts, and IVAN@ could not sign in."""
    database = Database(reaching(settings, turkish))
    migrate.apply(database)
    database.close()
    app, db = application(reaching(settings, turkish)), Db(turkish)
    client = new_client(app)
    names = {"info@example.com": "IVAN Ilić", "Ivan@example.com": "ivan ilić"}

    assert db.one("SELECT lower('INFO') AS word")["word"] != "info"
    for email, name in names.items():
        assert client.post("/api/customers", json={**ANN, "email": email, "full_name": name}).status_code == 201
    taken = [client.post("/api/customers", json={**ANN, "email": email.upper()}).status_code for email in names]
    logins = [log_in(client, email) for email in ("INFO@EXAMPLE.COM", "IVAN@example.com", "ivan@example.com")]
    admin = new_client(app)
    app.test_cli_runner().invoke(
        args=["create-admin", "BILL@example.com", "--full-name", "B", "--password-stdin"], input=f"{PASSWORD}\n"
    )
    log_in(admin, "bill@example.com", path="/admin/user/login")
    queries = ("keyword=iVAN", "full_name=ILIĆ", "email=INFO@example.com", "email=ivaN@example.com")
    found = [admin.get(f"/api/customers?{query}").get_json()["meta"]["total"] for query in queries]
    group = {"group_name": "VIP"}, {"group_name": "vip"}
    groups = [admin.post("/api/customer-groups", json=body).status_code for body in group]
    context.of(app).db.close()
    db.close()

    assert (taken, len(set(logins))) == ([409, 409], 3)
    assert found == [2, 2, 1, 1]
    assert groups == [201, 409]
