"""The list of customers from a replica: here the database itself plays it; tests/deploy/database has real ones."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import make_conninfo

from customers import replica as replicas
from customers.config import Settings
from tests import pooler
from tests.support.client import CheckingClient
from tests.conftest import Account, new_client
from tests.support.database import Db
from tests.support.service import free_port

AWAY = "the replica is away, the primary serves instead"
BACK = "the replica serves again"


@pytest.fixture
def replicated(make_app: Callable[..., Flask], settings: Settings) -> Flask:
    """Return an application whose replica is its database."""
    return make_app(replica_url=pooler.direct(settings), statement_timeout=1)


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return a function that returns what has been told of the replica, without the causes."""
    caplog.set_level(logging.INFO, "customers.replica")
    return lambda: [record.message.partition(":")[0] for record in caplog.records if record.name == "customers.replica"]


def statements(app: Flask) -> tuple[list[str], list[str]]:
    """Return the first words of what the primary and the replica will be asked."""
    ctx = app.extensions["customers"]
    asked: tuple[list[str], list[str]] = ([], [])

    def listen(database: Any, said: list[str]) -> None:
        database.listen("before_cursor_execute", lambda *event: said.append(event[2].split(maxsplit=1)[0]))

    listen(ctx.db, asked[0])
    listen(ctx.replica.database, asked[1])
    return asked


def reader(app: Flask, account: Account) -> CheckingClient:
    """Return a client of an application that is signed in."""
    client = new_client(app, use_cookies=False)
    client.environ_base["HTTP_X_SESSION_ID"] = account.sid
    return client


def test_the_primary_says_who_asks_and_the_replica_what_is_there(replicated: Flask, admin: Account) -> None:
    client = reader(replicated, admin)
    primary, replica = statements(replicated)

    assert client.get("/api/customers").status_code == 200

    assert (len(primary), len(replica)) == (1, 1)


def test_the_primary_serves_while_a_session_is_being_extended(replicated: Flask, admin: Account, db: Db) -> None:
    """A replica is so never more than a minute behind for whoever goes on reading."""
    client = reader(replicated, admin)
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '2 minutes'")
    primary, replica = statements(replicated)

    for _ in range(2):
        client.get("/api/customers")

    assert (primary, len(replica)) == (["SELECT", "UPDATE", "WITH", "SELECT"], 1)


def test_only_an_admins_write_is_noted_and_only_for_a_replica(
    replicated: Flask, make_app: Callable[..., Flask], admin: Account, customer: Account, db: Db
) -> None:
    versions = "SELECT CAST(xmin AS text) AS version FROM login_session ORDER BY admin_user_id, created_at"

    def changes_by(app: Flask, account: Account) -> list[bool]:
        before = db.all(versions)
        response = reader(app, account).patch(customer.path, json={"full_name": "Zoë"})
        assert response.status_code == 200
        return [old != new for old, new in zip(before, db.all(versions), strict=True)]

    assert changes_by(replicated, admin) == [True, False]
    assert changes_by(replicated, customer) == [False, False]
    assert changes_by(make_app(), admin) == [False, False]


def test_a_replica_that_is_away_is_told_of_once_however_often_it_is_tried(
    make_app: Callable[..., Flask],
    admin: Account,
    messages: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = reader(make_app(replica_url=f"postgresql://127.0.0.1:{free_port()}/shop"), admin)
    monkeypatch.setattr(replicas, "_PAUSE", 0.0)

    statuses = [client.get("/api/customers").status_code for _ in range(3)]

    assert statuses == [200] * 3
    assert messages() == [AWAY]


@pytest.fixture
def role(settings: Settings) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """Return a connection string with a role of its own, and a connection to do things to that role."""
    with psycopg.connect(pooler.direct(settings), autocommit=True) as conn:
        conn.execute("CREATE ROLE replica_reader LOGIN SUPERUSER PASSWORD 'secret'")
        try:
            yield make_conninfo(pooler.direct(settings), user="replica_reader", password="secret"), conn
        finally:
            conn.execute("DROP ROLE replica_reader")


def test_a_replica_is_left_alone_for_a_while_and_serves_again_when_it_is_back(
    role: tuple[str, psycopg.Connection[Any]],
    make_app: Callable[..., Flask],
    admin: Account,
    messages: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, conn = role
    app = make_app(replica_url=url)
    client = reader(app, admin)
    client.get("/api/customers")

    conn.execute("ALTER ROLE replica_reader NOLOGIN")
    conn.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'replica_reader'")
    client.get("/api/customers")
    conn.execute("ALTER ROLE replica_reader LOGIN")
    _, replica = statements(app)
    client.get("/api/customers")
    left_alone = replica == []
    monkeypatch.setattr(replicas, "_PAUSE", 0.0)
    app.extensions["customers"].replica._next_try = 0.0
    client.get("/api/customers")
    client.get("/api/customers")
    app.extensions["customers"].close()

    assert left_alone
    assert len(replica) == 2
    assert messages() == [AWAY, BACK]


def test_what_takes_too_long_on_the_replica_is_not_asked_again_of_the_primary(
    replicated: Flask, admin: Account, settings: Settings
) -> None:
    client = reader(replicated, admin)
    primary, _ = statements(replicated)

    with psycopg.connect(pooler.direct(settings)) as conn:
        conn.execute("LOCK TABLE customer_counter IN ACCESS EXCLUSIVE MODE")
        response = client.get("/api/customers")

    assert response.status_code == 503
    assert len(primary) == 1
