"""The number of all customers is right to the last row, whoever writes and however (CONTRACT section 4)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import psycopg
import pytest

from customers.db import migrate
from customers.features.accounts import service
from customers.context import Context
from tests import pooler
from tests.conftest import Account, Made
from tests.support.database import Db
from tests.support.rows import LIST, add

ISOLATIONS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
INSERT = b"INSERT INTO customer (email, password) VALUES (gen_random_uuid() || '@example.com', 'x')"
DELETE_ONE = b"DELETE FROM customer WHERE customer_id = (SELECT min(customer_id) FROM customer)"


@pytest.fixture
def own(make: Callable[..., Made]) -> Made:
    """Return an empty database of this service, for the test alone."""
    ctx, db = make()
    migrate.apply(ctx.db)
    return ctx, db


@contextmanager
def transaction(ctx: Context, isolation: str = "READ COMMITTED") -> Iterator[psycopg.Connection]:
    """Open a connection of another program, which gives up rather than wait for a lock."""
    with psycopg.connect(pooler.direct(ctx.settings), options="-c lock_timeout=2s") as conn:
        conn.isolation_level = psycopg.IsolationLevel[isolation.replace(" ", "_")]
        yield conn


def check(ctx: Context, db: Db) -> int:
    """Return how many customers there are, as the list says, and assert that the table has it so."""
    total: int = service.list_page(ctx, page=1, limit=1)["total"]
    assert total == db.one("SELECT count(*) FROM customer")["count"]
    return total


def test_creates_and_deletes_by_the_service_are_counted(admin: Account, make_customer: Callable[..., Account]) -> None:
    accounts = [make_customer() for _ in range(3)]
    admin.client.delete(accounts[0].path)

    assert admin.client.get(LIST).get_json()["meta"]["total"] == 2


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_what_others_write_is_counted_when_it_is_committed(own: Made, isolation: str) -> None:
    ctx, db = own

    for count, statement in ((1, INSERT), (2, INSERT), (1, DELETE_ONE), (2, INSERT)):
        with transaction(ctx, isolation) as conn:
            conn.execute(statement)
            before = check(ctx, db)
        assert (check(ctx, db), before == count) == (count, False)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_what_is_rolled_back_is_not_counted(own: Made, isolation: str) -> None:
    ctx, db = own
    add(db)

    with transaction(ctx, isolation) as conn:
        conn.execute(INSERT)
        conn.execute("SAVEPOINT half")
        conn.execute("DELETE FROM customer")
        conn.execute("ROLLBACK TO half")
        conn.execute(INSERT)
        conn.rollback()
        conn.execute(INSERT)
        conn.execute("SAVEPOINT half")
        conn.execute(INSERT)
        conn.execute("ROLLBACK TO half")

    assert check(ctx, db) == 2


def test_a_bulk_load_is_counted(own: Made) -> None:
    ctx, db = own

    with transaction(ctx) as conn, conn.cursor().copy("COPY customer (email, password) FROM STDIN") as copy:
        for number in range(5000):
            copy.write_row((f"c{number}@example.com", "x"))

    assert check(ctx, db) == 5000
    assert len(db.all("SELECT FROM customer_counter")) == 1


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_deletion_of_all_is_counted(own: Made, isolation: str) -> None:
    ctx, db = own
    for _ in range(5):
        add(db)

    with transaction(ctx, isolation) as conn:
        conn.execute("DELETE FROM customer")

    assert check(ctx, db) == 0


def test_emptying_the_table_at_once_is_counted_and_can_be_taken_back(own: Made) -> None:
    ctx, db = own
    for _ in range(5):
        add(db)

    with transaction(ctx) as conn:
        conn.execute("TRUNCATE customer CASCADE")
        conn.rollback()
    assert check(ctx, db) == 5
    with transaction(ctx) as conn:
        conn.execute("TRUNCATE customer CASCADE")
        conn.execute(INSERT)

    assert check(ctx, db) == 1


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_emptying_the_table_in_an_old_snapshot_counts_no_row_that_is_gone(own: Made, isolation: str) -> None:
    """TRUNCATE takes rows that its transaction cannot see; a part of the number that it cannot see would stay."""
    ctx, db = own
    add(db)

    with transaction(ctx, isolation) as conn, transaction(ctx) as holder:
        conn.execute("SELECT")
        holder.execute(INSERT)
        add(db)  # the holder has the one part there was, so it is counted in a new one
        holder.rollback()
        with nullcontext() if isolation == "READ COMMITTED" else pytest.raises(psycopg.Error, match="READ COMMITTED"):
            conn.execute("TRUNCATE customer CASCADE")

    assert check(ctx, db) == (0 if isolation == "READ COMMITTED" else 2)


def test_what_does_nothing_counts_nothing(own: Made) -> None:
    ctx, db = own
    add(db, email="a@example.com")
    parts = db.all("SELECT slot, customers, xmin::text FROM customer_counter")

    db.execute("INSERT INTO customer (email, password) VALUES ('A@EXAMPLE.COM', 'x') ON CONFLICT DO NOTHING")
    db.execute("DELETE FROM customer WHERE false")
    db.execute("UPDATE customer SET full_name = 'Bob'")
    db.execute(
        "INSERT INTO customer (email, password) VALUES ('a@example.com', 'x')"
        " ON CONFLICT (email) DO UPDATE SET full_name = 'Ann'"
    )

    assert check(ctx, db) == 1
    assert db.all("SELECT slot, customers, xmin::text FROM customer_counter") == parts
