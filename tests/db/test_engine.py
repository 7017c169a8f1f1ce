"""Connections and constraints."""

from collections.abc import Callable

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DisconnectionError, IntegrityError, OperationalError

from customers import connections, database
from customers.config import Settings
from customers.errors import EmailTaken
from customers.context import Context
from tests import pooler
from tests.conftest import Account, new_client
from tests.support.database import Db
from tests.support.service import wait_until


def test_a_constraint_that_stands_for_no_error_is_a_fault(ctx: Context) -> None:
    with (
        pytest.raises(IntegrityError),
        ctx.db.writing() as conn,
        database.constraints({"EMAIL_UNIQUE": EmailTaken}),
    ):
        conn.execute(text("INSERT INTO customer (email, password, group_id) VALUES ('a@b.co', 'x', 99)"))


def test_a_connection_that_the_server_has_closed_is_found_out(ctx: Context, server: str) -> None:
    with psycopg.connect(server, autocommit=True) as victim, psycopg.connect(server, autocommit=True) as killer:
        connections.refuse_dead(victim)
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [victim.info.backend_pid])
        with pytest.raises(DisconnectionError):
            connections.refuse_dead(victim)
    with pytest.raises(DisconnectionError):
        connections.refuse_dead(victim)


def test_a_primary_that_takes_no_writes_any_more_is_left(
    make_app: Callable[..., Flask], settings: Settings, customer: Account
) -> None:
    """Cause: a demoted primary goes on answering reads, and its refusal of a write left its connection in the pool.

    Cure: all connections of the pool are closed, and new ones look for the primary.
    """
    app = make_app(pooler="none", database_url=pooler.direct(settings))
    client = new_client(app, use_cookies=False)
    with app.extensions["customers"].database.reading() as conn:
        conn.execute(text("SET default_transaction_read_only = on"))

    change = {"json": {"full_name": "Zoë"}, "headers": customer.headers}
    statuses = [client.patch(customer.path, **change).status_code for _ in range(3)]

    assert statuses == [503, 200, 200]


def test_nothing_stays_with_a_server_behind_a_pooler(make_app: Callable[..., Flask], customer: Account) -> None:
    database = make_app(pooler="transaction", statement_timeout=2).extensions["customers"].database
    left = text("""
        SELECT current_setting('TimeZone') AS zone, current_setting('statement_timeout') AS statement,
               current_setting('idle_in_transaction_session_timeout') AS idle,
               (SELECT count(*) FROM pg_prepared_statements) AS prepared
    """)

    with database.writing() as conn:
        within = conn.execute(left).one()
    with database.reading() as conn:
        for _ in range(10):
            after = conn.execute(left).one()

    assert tuple(within) == ("UTC", "2s", "4s", 0)
    assert tuple(after) == ("UTC", "0", "0", 0)


def test_behind_a_pooler_a_statement_that_takes_long_is_cancelled_from_here(
    make_app: Callable[..., Flask], customer: Account, db: Db
) -> None:
    app = make_app(pooler="transaction", statement_timeout=0.1)

    with (
        pytest.raises(OperationalError, match="canceling statement"),
        app.extensions["customers"].database.reading() as conn,
    ):
        conn.execute(text("SELECT pg_sleep(60)"))

    wait_until(
        lambda: not db.all("SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'")
    )


def test_long_work_needs_a_way_past_the_pooler(make_app: Callable[..., Flask], settings: Settings) -> None:
    app = make_app(pooler="transaction", direct_url=None)
    refused = app.test_cli_runner().invoke(args=["export-customers", "--format", "csv"])
    app = make_app(pooler="transaction", direct_url=pooler.direct(settings))
    exported = app.test_cli_runner().invoke(args=["export-customers", "--format", "csv"])

    assert (refused.exit_code, exported.exit_code) == (1, 0)
    assert "CUSTOMERS_DIRECT_URL is needed" in refused.stderr


def test_a_write_is_all_or_nothing(ctx: Context) -> None:
    def write_and_fail() -> None:
        with ctx.db.writing() as conn:
            conn.execute(text("INSERT INTO customer (email, password) VALUES ('a@b.co', 'x')"))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    with ctx.db.reading() as conn:
        assert conn.execute(text("SELECT count(*) FROM customer")).scalar_one() == 0
