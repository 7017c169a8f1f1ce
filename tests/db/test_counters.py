"""The number of all customers is right to the last row, whoever writes and however."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import psycopg
import pytest

from customers.db import migrate
from tests.conftest import Account, Made
from tests.support.answers import data_of
from tests.support.builders import registered
from tests.support.database import Db
from tests.support.rows import LIST, add
from tests.support.service import wait_until
from tests.support.shops import migrated
from tests.support.threads import at_once, waiting_for_a_lock

ISOLATIONS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
INSERT = b"INSERT INTO customer (email, password) VALUES (gen_random_uuid() || '@example.com', 'x')"


def total(db: Db) -> int:
    """Return how many customers there are by the counter, and assert that the table has it so."""
    counted: int = db.one("SELECT coalesce(sum(customers), 0)::int AS found FROM customer_counter")["found"]
    assert len(db.all("SELECT FROM customer")) == counted
    return counted


@pytest.fixture
def counted(make: Callable[..., Made]) -> Db:
    """Return a database of this service, without customers, for the test alone."""
    return migrated(make)[1]


@contextmanager
def transaction(db: Db, isolation: str = "READ COMMITTED") -> Iterator[psycopg.Connection]:
    """Open a transaction of another program, which gives up rather than wait for a lock."""
    with psycopg.connect(db.conninfo, options="-c lock_timeout=5s") as conn:
        conn.isolation_level = psycopg.IsolationLevel[isolation.replace(" ", "_")]
        yield conn


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_truncate_counts_no_row_that_is_gone(counted: Db, isolation: str) -> None:
    """TRUNCATE takes rows that its transaction cannot see; a part of the number that it cannot see would stay."""
    add(counted)
    with transaction(counted, isolation) as conn, transaction(counted) as holder:
        conn.execute("SELECT")
        holder.execute(INSERT)
        add(counted)  # the holder has the one part there was, so it is counted in a new one
        holder.rollback()
        with nullcontext() if isolation == "READ COMMITTED" else pytest.raises(psycopg.Error, match="READ COMMITTED"):
            conn.execute("TRUNCATE customer CASCADE")

    assert total(counted) == (0 if isolation == "READ COMMITTED" else 2)


@pytest.mark.parametrize(("first", "second"), [*zip(ISOLATIONS, reversed(ISOLATIONS), strict=True)])
def test_writers_never_wait_for_each_other(counted: Db, first: str, second: str) -> None:
    old = add(counted)

    with transaction(counted, first) as one, transaction(counted, second) as two, transaction(counted) as three:
        two.execute("SELECT FROM customer")  # its snapshot is from before
        one.execute(INSERT)
        two.execute(INSERT)
        three.execute("DELETE FROM customer WHERE customer_id = %s", (old,))
        two.execute(INSERT)
        two.commit()
        three.commit()
        assert total(counted) == 2

    assert total(counted) == 3
    with transaction(counted, first) as conn:
        conn.execute("DELETE FROM customer")
        conn.execute(INSERT)
    assert total(counted) == 1


def test_12_threads_mixing_creates_deletes_and_rollbacks_are_counted_to_the_last_row(admin: Account, db: Db) -> None:
    def act(number: int) -> None:
        for turn in range(9):
            created = registered(admin.client, email=f"c{number}-{turn}@example.com")
            if turn % 3 == 0:
                data_of(admin.client.delete(f"{LIST}/{created['uuid']}"))
            with transaction(db, ISOLATIONS[(number + turn) % 3]) as conn:  # past the service
                conn.execute(INSERT)
                if turn % 3 == 1:
                    conn.rollback()

    assert at_once(12, act) == [None] * 12
    assert admin.client.get(LIST).get_json()["meta"]["total"] == total(db) == 12 * (6 + 6)


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("recount", [False, True])
def test_the_counting_waits_for_whoever_writes(make: Callable[..., Made], end: str, recount: bool) -> None:
    """A customer inserted before the triggers were there, and committed after the count, would be in no part."""
    ctx, db = migrated(make)
    add(db)
    db.execute("ALTER TABLE customer DISABLE TRIGGER USER")
    add(db)
    db.execute("ALTER TABLE customer ENABLE TRIGGER USER")
    if not recount:  # as it was before the service came
        db.execute("DROP FUNCTION customers_count() CASCADE")
        db.execute("DROP TABLE customer_counter")

    with transaction(db) as conn, transaction(db) as holder:
        holder.execute(INSERT)
        conn.execute(INSERT)  # the holder has the part there was: this one is in a new part, which nobody else sees
        holder.rollback()
        thread = threading.Thread(target=migrate.apply, args=[ctx.db], kwargs={"recount": recount})
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
        getattr(conn, end)()
    thread.join()

    assert total(db) == (3 if end == "commit" else 2)
