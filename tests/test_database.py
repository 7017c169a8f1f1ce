"""Connections and constraints."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DisconnectionError, IntegrityError

from customers import connections, database
from customers.errors import EmailTaken
from customers.resources import Resources


def test_a_constraint_that_stands_for_no_error_is_a_fault(resources: Resources) -> None:
    with (
        pytest.raises(IntegrityError),
        resources.database.writing() as conn,
        database.constraints({"EMAIL_UNIQUE": EmailTaken}),
    ):
        conn.execute(text("INSERT INTO customer (email, password, group_id) VALUES ('a@b.co', 'x', 99)"))


def test_a_connection_that_the_server_has_closed_is_found_out(resources: Resources, server: str) -> None:
    with psycopg.connect(server, autocommit=True) as victim, psycopg.connect(server, autocommit=True) as killer:
        connections.refuse_dead(victim)
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [victim.info.backend_pid])
        with pytest.raises(DisconnectionError):
            connections.refuse_dead(victim)
    with pytest.raises(DisconnectionError):
        connections.refuse_dead(victim)


def test_a_write_is_all_or_nothing(resources: Resources) -> None:
    def write_and_fail() -> None:
        with resources.database.writing() as conn:
            conn.execute(text("INSERT INTO customer (email, password) VALUES ('a@b.co', 'x')"))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    with resources.database.reading() as conn:
        assert conn.execute(text("SELECT count(*) FROM customer")).scalar_one() == 0
