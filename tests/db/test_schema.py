"""The database: an empty one, one of this service, and a running shop's."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from customers.config import Settings
from customers.context import Context
from customers.db import migrate
from customers.db.migrate import SchemaConflict
from customers.evershop.service import SETUP
from customers.features.sessions import service as admins
from customers.http import context
from tests.conftest import EVERSHOP, PASSWORD, Made, application, log_in, new_client, reaching
from tests.support.answers import data_of
from tests.support.builders import CUSTOMERS, NEW, registered
from tests.support.bulk import OLD_PASSWORD, Shop, summary
from tests.support.database import Db
from tests.support.service import database_url, free_port, run
from tests.support.shops import migrated
from tests.support.threads import at_once

SHOPS = pytest.mark.parametrize(
    ("sql", "more"),
    [("", ()), (EVERSHOP, ()), (EVERSHOP, (SETUP,))],
    ids=["empty", "an EverShop's", "beside a running EverShop"],
)

TABLES = ["admin_user", "customer", "customer_address", "customer_group", "reset_password_token"]


def content(db: Db) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Return all that a database consists of, in words, and all rows of all tables."""
    structure = db.all("""
        SELECT 'column' AS kind, table_name || '.' || column_name AS name,
               concat_ws(' ', data_type, column_default, is_nullable, identity_generation) AS what
          FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
         ORDER BY 1, 2, 3
    """)
    tables = db.all("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return structure, {each["name"]: db.all(f'SELECT * FROM "{each["name"]}" ORDER BY 1') for each in tables}


def test_an_empty_database_gets_the_tables_and_constraints_of_an_evershop_and_no_account(
    make: Callable[..., Made],
) -> None:
    """With their defaults, and what becomes of rows when others are deleted."""
    (_, shop), (_, db) = make(EVERSHOP), migrated(make)
    columns = """
        SELECT table_name, column_name, data_type, CASE WHEN column_default NOT LIKE 'NULL::%%' THEN column_default END
          FROM information_schema.columns
         WHERE table_name = ANY(%s)
         ORDER BY table_name, ordinal_position
    """
    constraints = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = ANY(%s::regclass[])"

    there = db.all(constraints, TABLES)
    found = [each for each in shop.all(constraints, TABLES) if "not_null" not in each["conname"]]
    assert len(found) == 13
    assert [each for each in found if each not in there] == []
    assert db.all(columns, TABLES) == shop.all(columns, TABLES)
    groups = db.all("SELECT customer_group_id, group_name FROM customer_group")
    assert groups == [{"customer_group_id": 1, "group_name": "Default"}]
    assert db.all("SELECT FROM customer") == db.all("SELECT FROM admin_user") == []


@SHOPS
def test_a_shop_loses_nothing_applying_again_changes_nothing_and_the_default_group_cannot_be_deleted(
    make: Callable[..., Made], sql: str, more: tuple[Path, ...]
) -> None:
    ctx, db = make(sql)
    if sql:  # of two default addresses one must go
        db.execute("UPDATE customer_address SET is_default = false WHERE customer_address_id = 1")
    before, before_rows = content(db)

    migrate.apply(ctx.db, *more)
    after, after_rows = content(db)
    migrate.apply(ctx.db, *more)

    assert content(db) == (after, after_rows)
    assert [part for part in before if part not in after] == []
    assert {name: after_rows[name] for name in before_rows} == before_rows
    triggers = [part["name"] for part in after if part["kind"] == "trigger"]
    assert len(triggers) == len(set(triggers))
    columns = [part["name"].split(".")[0] for part in after if part["kind"] == "column" and part not in before]
    assert set(columns).isdisjoint(before_rows), "a table of the shop's has another column"
    with pytest.raises(psycopg.Error, match="default customer group"):
        db.execute("DELETE FROM customer_group WHERE customer_group_id = 1")


@SHOPS
def test_processes_applying_it_at_once_do_no_harm_and_count_every_customer_once(
    make: Callable[..., Made], sql: str, more: tuple[Path, ...]
) -> None:
    ctx, db = make(sql)

    assert at_once(8, lambda _: migrate.apply(ctx.db, *more, repair_defaults=True)) == [migrate.version()] * 8

    migrate.check(ctx.db)
    assert len(db.all("SELECT FROM customer_group WHERE customer_group_id = 1")) == 1
    assert db.one("SELECT sum(customers)::int AS counted FROM customer_counter") == {"counted": 2 if sql else 0}


@pytest.mark.parametrize("table", ["customer", "admin_user"])
def test_e_mails_that_differ_only_by_case_stop_it_by_name(make: Callable[..., Made], table: str) -> None:
    ctx, db = make(EVERSHOP)
    for email in ("Twice@example.com", "tWICE@example.com", "alone@example.com"):
        db.execute(f"INSERT INTO {table} (email, password) VALUES (%s, 'x')", email)
    before = content(db)

    with pytest.raises(SchemaConflict, match=table) as caught:
        migrate.apply(ctx.db)

    assert all(email in str(caught.value) for email in ("Twice@example.com", "tWICE@example.com"))
    assert "alone" not in str(caught.value)
    assert content(db) == before


def test_several_default_addresses_stop_it_by_name_and_an_option_leaves_the_newest(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    addresses = "SELECT customer_address_id, is_default, uuid::text, xmin::text FROM customer_address ORDER BY 1"
    before, before_addresses = content(db), db.all(addresses)

    with pytest.raises(SchemaConflict, match="--repair-defaults") as caught:
        migrate.apply(ctx.db)

    assert content(db) == before
    named = ["Jane@Example.com", *(each["uuid"] for each in before_addresses if each["is_default"])]
    assert len(named) == 3
    assert all(name in str(caught.value) for name in named)
    migrate.apply(ctx.db, repair_defaults=True)
    after = db.all(addresses)
    assert [each["is_default"] for each in after] == [False, None, True]
    assert after[1:] == before_addresses[1:], "no other address is touched"


def test_a_shops_customers_sign_in_are_answered_with_their_nulls_and_can_be_deleted(make: Callable[..., Made]) -> None:
    """The e-mail in whatever case, the newest of several default addresses first."""
    ctx, db = migrated(make, EVERSHOP)
    app = application(ctx.settings)
    client, boss = new_client(app), new_client(app)
    db.execute("UPDATE customer SET meta_data = NULL WHERE customer_id = 2")
    uuids = [row["uuid"] for row in db.all("SELECT uuid FROM customer ORDER BY customer_id")]
    jane, old = (f"{CUSTOMERS}/{uuid}" for uuid in uuids)

    log_in(client, "JANE@example.com", OLD_PASSWORD)
    log_in(boss, "boss@example.com", OLD_PASSWORD, "/admin/user/login")
    data, export = data_of(client.get(jane)), data_of(client.get(f"{jane}/export"))
    nulls, exported, listed = (data_of(boss.get(path)) for path in (old, f"{old}/export", CUSTOMERS))
    data_of(boss.delete(jane))
    context.of(app).db.close()

    assert (data["email"], data["group_id"]) == ("Jane@Example.com", 2)
    addresses = [("New default", True), ("Old default", False), (None, False)]
    assert [(each["full_name"], each["is_default"]) for each in data["addresses"]] == addresses
    assert (export["group_name"], len(export["addresses"]), len(export["password_resets"])) == ("Wholesale", 3, 1)
    for answer in (nulls, exported, listed[1]):
        assert [answer[name] for name in ("group_id", "full_name", "created_at", "updated_at")] == [None] * 4
    assert (exported["group_name"], exported["meta_data"]) == (None, None)
    assert db.one('SELECT count(*) FROM "order"') == {"count": 1}
    assert db.one("SELECT count(*) FROM customer_address") == {"count": 0}


# ---------------------------------------------------------------- a schema, an encoding and a locale of its own


def test_two_shops_live_in_schemas_of_their_own(make_database: Callable[[], str], settings: Settings) -> None:
    """All names resolve through search_path, those in functions and triggers included."""
    shared = make_database()
    names = {"first": 1, "second": 2}
    with Db(shared) as db:
        for name, customers in names.items():
            db.execute(f"CREATE SCHEMA {name}")
            # Past the pooler, if there is one, which takes no options.
            app = application(replace(settings, database_url=make_conninfo(shared, options=f"-csearch_path={name}")))
            migrate.apply(context.of(app).db)
            client = new_client(app)
            for number in range(customers + 1):
                registered(client, email=f"c{number}@example.com")
            log_in(client, "C0@example.com")
            assert client.delete("/api/customers/me").status_code == 200
            context.of(app).db.close()
        for name, customers in names.items():
            counted = db.one(f"SELECT sum(customers)::int AS found FROM {name}.customer_counter")
            assert counted == db.one(f"SELECT count(*) AS found FROM {name}.customer") == {"found": customers}
        assert db.all("SELECT FROM pg_tables WHERE schemaname = 'public'") == []
        # Where there is the extension, it does not go with the first shop.
        elsewhere = "extname = 'pg_trgm' AND extnamespace <> 'public'::regnamespace"
        assert db.all(f"SELECT FROM pg_extension WHERE {elsewhere}") == []


@contextmanager
def odd_database(server: str, options: str) -> Iterator[str]:
    """Make a database of template0 for a while, and return its connection string."""
    name = "odd_" + os.urandom(8).hex()
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}".encode())
        yield make_conninfo(server, dbname=name)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_database_that_is_not_in_utf_8_is_refused_by_name(server: str, settings: Settings) -> None:
    """Cause: in a LATIN1 database a registration of a name with an emoji was a 500."""
    said = "the database has the encoding LATIN1, and needs UTF8"

    with odd_database(server, "ENCODING 'LATIN1' LOCALE 'C'") as latin1:
        made = application(reaching(settings, latin1)).test_cli_runner().invoke(args=["init-db"])
        url = {"CUSTOMERS_DATABASE_URL": database_url(latin1), "CUSTOMERS_SECRET_KEY": settings.secret_key}
        started = run("gunicorn", PORT=str(free_port()), **url)

    assert (made.exit_code, said in made.output) == (1, True)
    assert (started.returncode, f"Error: {said}" in started.stderr) == (1, True), started.stderr


@pytest.fixture
def turkish(server: str) -> Iterator[str]:
    """Return the connection string of a database in which lower('I') is not 'i'."""
    try:
        with odd_database(server, "LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C'") as conninfo:
            yield conninfo
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL comes without ICU; Debian's has it")


def test_case_is_folded_in_the_same_way_in_a_turkish_database(turkish: str, settings: Settings, tmp_path: Path) -> None:
    """Cause: there info@ and INFO@ were two accounts, and IVAN@ could not sign in."""
    ctx = Context.of(reaching(settings, turkish))
    migrate.apply(ctx.db)
    admins.create_admin(ctx, email="BILL@example.com", password=PASSWORD, full_name="B")
    app = application(ctx.settings)
    client, admin = new_client(app), new_client(app)
    with Db(turkish) as db:
        assert db.one("SELECT lower('INFO') AS word")["word"] != "info"

    for email, name in {"info@example.com": "IVAN Ilić", "Ivan@example.com": "ivan ilić"}.items():
        registered(client, email=email, full_name=name)
        assert client.post("/api/customers", json={**NEW, "email": email.upper()}).status_code == 409
    for email in ("INFO@EXAMPLE.COM", "IVAN@example.com", "ivan@example.com"):
        log_in(client, email)
    log_in(admin, "bill@example.com", path="/admin/user/login")
    queries = ("keyword=iVAN", "full_name=ILIĆ", "email=INFO@example.com", "email=ivaN@example.com")
    found = [admin.get(f"/api/customers?{query}").get_json()["meta"]["total"] for query in queries]
    groups = [admin.post("/api/customer-groups", json={"group_name": name}).status_code for name in ("VIP", "vip")]
    with Db(turkish) as db:
        before = db.one("SELECT password FROM customer WHERE email = 'info@example.com'")
        row = {"email": "INFO@example.com", "full_name": "I", "group": "vip", "password": PASSWORD}
        imported = Shop(app, db, tmp_path).load_json(row, options=("--update", "--create-groups"))
        after = db.one("SELECT password FROM customer WHERE email = 'INFO@example.com'")
    context.of(app).db.close()
    ctx.db.close()

    assert found == [2, 2, 1, 1]
    assert groups == [201, 409]
    assert (imported.stdout, after) == (summary(1, updated=1), before), "no account, group or hash is made anew"
