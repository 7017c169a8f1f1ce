"""Connections: what they set, and what becomes of those that do not answer; transactions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text

from customers.config import Settings
from customers.context import Context
from customers.db import migrate
from customers.http import context
from tests.conftest import Account, Made, application, log_in, new_client
from tests.support.answers import data_of
from tests.support.builders import ME, NEW, registered

OTHERS = {
    "DateStyle": "SQL, DMY",
    "TimeZone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
}
NAME = r"Zoë \' Müller 👋"


def test_the_service_sets_its_own_whatever_the_database_its_url_and_the_environment_have_set(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cause: with PGCLIENTENCODING=LATIN1 a name with an emoji was a 500; tests/bulk has the import."""
    ctx, db = make()
    for setting, value in OTHERS.items():
        db.execute(f"ALTER DATABASE {conninfo_to_dict(db.conninfo)['dbname']} SET {setting} = '{value}'")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    odd = make_conninfo(ctx.settings.database_url, client_encoding="LATIN1")
    app = application(replace(ctx.settings, database_url=odd))
    migrate.apply(context.of(app).db)
    client, now = new_client(app), datetime.now(UTC)

    made = registered(client, full_name=NAME)
    log_in(client, NEW["email"])
    read, (session,) = data_of(client.get(ME)), data_of(client.get(f"{ME}/sessions"))
    with context.of(app).db.autocommit() as conn:
        names = ("DateStyle", "TimeZone", "client_encoding", "standard_conforming_strings")
        shown = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    context.of(app).db.close()

    assert shown == ["ISO, DMY", "UTC", "UTF8", "on"]
    assert made["full_name"] == read["full_name"] == NAME
    assert db.one("SELECT full_name FROM customer") == {"full_name": NAME}
    for moment in (made["created_at"], read["updated_at"], session["created_at"]):
        assert abs(datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - now) < timedelta(minutes=5)


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

    with ctx.db.autocommit() as conn:
        assert conn.execute(text("SELECT email FROM customer")).scalars().all() == ["b@example.com"]
    assert called == ["b@example.com"]


def test_an_answer_that_does_not_come_in_time_is_an_error_and_its_connection_is_closed(
    make_app: Callable[..., Flask], settings: Settings, customer: Account
) -> None:
    """The late answer must not be taken for the next statement's."""
    app = make_app(database_timeout=0.3)
    ctx, client = context.of(app), new_client(app, use_cookies=False)

    with pytest.raises(Exception, match="timeout"), ctx.db.autocommit() as conn:
        conn.execute(text("SELECT pg_sleep(60)"))

    assert client.get(customer.path, headers=customer.headers).status_code == 200
    with psycopg.connect(settings.database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
