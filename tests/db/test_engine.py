"""Connections: what they set, what becomes of those that are dead, transactions, and what a constraint means."""

from collections.abc import Callable
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
from tests.support.builders import ME, NEW, registered
from tests.support.bulk import OLD_HASH, Shop
from tests.support.database import Db

OTHERS = {
    "DateStyle": "SQL, DMY",
    "TimeZone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "0",
}
NAME = r"Zoë \' Müller 👋"


def test_the_service_sets_its_own_whatever_the_database_and_the_environment_have_set(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Cause: with PGCLIENTENCODING=LATIN1 a name with an emoji was a 500, and the import stored `ZoÃ« MÃ¼ller`."""
    ctx, db = make()
    for setting, value in OTHERS.items():
        db.execute(f"ALTER DATABASE {conninfo_to_dict(db.conninfo)['dbname']} SET {setting} = '{value}'")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    app = application(ctx.settings)
    migrate.apply(context.of(app).db)
    client, now, shop = new_client(app), datetime.now(UTC), Shop(app, db, tmp_path)
    old = {"email": "zoe@example.com", "full_name": NAME, "password_hash": OLD_HASH, "created_at": "2020-02-03"}

    made = registered(client, full_name=NAME)
    log_in(client, NEW["email"])
    read, (session,) = data_of(client.get(ME)), data_of(client.get(f"{ME}/sessions"))
    loaded = shop.load_json(old)
    exported = shop.export("csv", "--created-to", "2021-01-01")
    context.of(app).db.close()

    assert made["full_name"] == read["full_name"] == NAME
    for moment in (made["created_at"], read["updated_at"], session["created_at"]):
        assert abs(datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - now) < timedelta(minutes=5)
    assert loaded.exit_code == 0, loaded.output
    stored = db.one("SELECT full_name, created_at FROM customer WHERE email = 'zoe@example.com'")
    assert stored == {"full_name": NAME, "created_at": datetime(2020, 2, 3, tzinfo=UTC)}
    assert NAME in exported
    assert "2020-02-03" in exported
    assert NEW["email"] not in exported


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(
    customer: Account, ctx: Context, db: Db
) -> None:
    with ctx.db.reading() as conn:
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    if POOLER:
        pytest.skip("this server's connection is the pooler's")
    db.execute("SELECT pg_terminate_backend(%s, 5000)", pid)
    ctx.db._connection()[1].used_at = 0.0  # a while ago

    assert customer.client.get(customer.path).status_code == 200
    assert customer.client.patch(customer.path, json={"full_name": "Zoë"}).status_code == 200


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


def test_within_a_read_there_is_no_transaction_and_an_unknown_constraint_stands_for_no_error(ctx: Context) -> None:
    insert = text("INSERT INTO customer (email, password, group_id) VALUES ('a@b.co', 'x', 99)")

    with ctx.db.reading(), pytest.raises(RuntimeError), ctx.db.writing():
        pytest.fail("a transaction within a read")
    for name, error in (("EMAIL_UNIQUE", IntegrityError), ("FK_CUSTOMER_GROUP", EmailTaken)):
        with pytest.raises(error), ctx.db.writing() as tx, constraints({name: EmailTaken}):
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
