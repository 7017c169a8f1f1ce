"""The database: an empty one, one of this service, and a running shop's (CONTRACT section 5)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from customers.db import migrate
from customers.schema import SchemaConflict
from tests.conftest import EVERSHOP, Made
from tests.support.database import Db

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


def rows(db: Db, *, skip: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    tables = db.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    names = [row["tablename"] for row in tables if row["tablename"] not in skip]
    return {name: db.all(f'SELECT * FROM "{name}" ORDER BY 1') for name in names}


def test_an_empty_database_gets_the_tables_of_an_evershop(make: Callable[..., Made]) -> None:
    ctx, db = make()

    migrate.apply(ctx.db)

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


def test_no_account_comes_with_it(make: Callable[..., Made]) -> None:
    ctx, db = make()

    migrate.apply(ctx.db)

    assert db.one("SELECT (SELECT count(*) FROM customer) + (SELECT count(*) FROM admin_user) AS accounts") == {
        "accounts": 0
    }


def test_defaults_and_deletions_are_an_evershops(make: Callable[..., Made]) -> None:
    ctx, db = make()
    migrate.apply(ctx.db)
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


@pytest.mark.parametrize("sql", ["", EVERSHOP], ids=["empty", "evershop"])
def test_the_default_group_cannot_be_deleted(make: Callable[..., Made], sql: str) -> None:
    ctx, db = make(sql)
    migrate.apply(ctx.db, repair_defaults=True)

    with pytest.raises(psycopg.Error, match="default customer group"):
        db.execute("DELETE FROM customer_group WHERE customer_group_id = 1")


@pytest.mark.parametrize("sql", ["", EVERSHOP], ids=["empty", "evershop"])
def test_applying_again_changes_nothing(make: Callable[..., Made], sql: str) -> None:
    ctx, db = make(sql)
    migrate.apply(ctx.db, repair_defaults=True)
    before = structure(db), rows(db)

    migrate.apply(ctx.db)

    assert (structure(db), rows(db)) == before


def test_an_existing_shop_loses_nothing_and_only_gains(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    db.execute("UPDATE customer_address SET is_default = false WHERE customer_address_id = 1")
    before, before_rows = structure(db), rows(db)

    migrate.apply(ctx.db)

    assert [part for part in before if part not in structure(db)] == []
    ours = (
        "login_session", "customers_schema", "outbox_mail", "idempotent_answer", "customer_counter", "login_network",
        "attempt_counter", "audit_log",
    )  # fmt: skip
    assert rows(db, skip=ours) == before_rows
    triggers = [part["name"] for part in structure(db) if part["kind"] == "trigger"]
    assert len(triggers) == len(set(triggers)) == 9


@pytest.mark.parametrize("sql", ["", EVERSHOP], ids=["empty", "evershop"])
def test_processes_applying_it_at_once_do_no_harm(make: Callable[..., Made], sql: str) -> None:
    ctx, db = make(sql)

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(migrate.apply, ctx.db, repair_defaults=True) for _ in range(8)]

    assert [job.exception() for job in done] == [None] * 8
    migrate.check(ctx.db)
    assert len(db.all("SELECT FROM customer_group WHERE customer_group_id = 1")) == 1


@pytest.mark.parametrize("table", ["customer", "admin_user"])
def test_addresses_that_differ_only_by_case_stop_it_by_name_and_nothing_changes(
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
