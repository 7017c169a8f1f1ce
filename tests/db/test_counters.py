"""The number of all customers is right to the last row, whoever writes and however."""

import random
import threading
from contextlib import nullcontext

import psycopg
import pytest

from customers.db import migrate
from tests.conftest import PASSWORD, Account, Made
from tests.db.conftest import transaction
from tests.support.database import Db
from tests.support.rows import LIST, add
from tests.support.service import wait_until
from tests.support.threads import at_once, waiting_for_a_lock

ISOLATIONS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
INSERT = b"INSERT INTO customer (email, password) VALUES (gen_random_uuid() || '@example.com', 'x')"
DELETE_ONE = b"DELETE FROM customer WHERE customer_id = (SELECT min(customer_id) FROM customer)"
PARTS = "SELECT slot, customers, xmin::text FROM customer_counter"


def total(db: Db) -> int:
    """Return how many customers there are by the counter, and assert that the table has it so."""
    found = db.one(
        "SELECT (SELECT coalesce(sum(customers), 0)::int FROM customer_counter) AS counted,"
        " (SELECT count(*) FROM customer) AS there"
    )
    assert found["counted"] == found["there"]
    counted: int = found["counted"]
    return counted


def load(conn: psycopg.Connection, rows: int) -> None:
    with conn.cursor().copy("COPY customer (email, password) FROM STDIN") as copy:
        for number in range(rows):
            copy.write_row((f"loaded{number}@example.com", "x"))


@pytest.fixture
def conninfo(own: Made) -> str:
    return own[1].conninfo


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_what_others_commit_is_counted_and_what_is_rolled_back_is_not(own: Made, conninfo: str, isolation: str) -> None:
    db = own[1]
    for count, statement in ((1, INSERT), (2, INSERT), (1, DELETE_ONE), (0, b"DELETE FROM customer"), (1, INSERT)):
        with transaction(conninfo, isolation) as conn:
            conn.execute(statement)
            assert total(db) != count
        assert total(db) == count

    with transaction(conninfo, isolation) as conn:
        conn.execute(INSERT)
        conn.rollback()
        conn.execute(INSERT)
        conn.execute("SAVEPOINT half")
        conn.execute("DELETE FROM customer")
        conn.execute(INSERT)
        conn.execute("ROLLBACK TO half")

    assert total(db) == 2


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_truncate_counts_no_row_that_is_gone_and_can_be_rolled_back(own: Made, conninfo: str, isolation: str) -> None:
    """TRUNCATE takes rows that its transaction cannot see; a part of the number that it cannot see would stay."""
    db = own[1]
    add(db)
    with transaction(conninfo) as conn:
        conn.execute("TRUNCATE customer CASCADE")
        conn.rollback()
    assert total(db) == 1

    with transaction(conninfo, isolation) as conn, transaction(conninfo) as holder:
        conn.execute("SELECT")
        holder.execute(INSERT)
        add(db)  # the holder has the one part there was, so it is counted in a new one
        holder.rollback()
        with nullcontext() if isolation == "READ COMMITTED" else pytest.raises(psycopg.Error, match="READ COMMITTED"):
            conn.execute("TRUNCATE customer CASCADE")

    assert total(db) == (0 if isolation == "READ COMMITTED" else 2)


def test_a_bulk_load_is_one_part_and_what_adds_nothing_writes_nothing(own: Made, conninfo: str) -> None:
    db = own[1]
    with transaction(conninfo) as conn:
        load(conn, 500)
    parts = db.all(PARTS)
    again = "INSERT INTO customer (email, password) VALUES ('{}', 'x') ON CONFLICT {}"

    db.execute(again.format("LOADED1@EXAMPLE.COM", "DO NOTHING"))
    db.execute(again.format("loaded1@example.com", "(email) DO UPDATE SET full_name = 'Ann'"))
    db.execute("DELETE FROM customer WHERE false")
    db.execute("UPDATE customer SET full_name = 'Bob'")

    assert (total(db), len(parts)) == (500, 1)
    assert db.all(PARTS) == parts


# ---------------------------------------------------------------- at once


@pytest.mark.parametrize(("first", "second"), [*zip(ISOLATIONS, reversed(ISOLATIONS), strict=True)])
def test_writers_never_wait_for_each_other(own: Made, conninfo: str, first: str, second: str) -> None:
    db = own[1]
    old = add(db)

    with transaction(conninfo, first) as one, transaction(conninfo, second) as two, transaction(conninfo) as three:
        two.execute("SELECT FROM customer")  # its snapshot is from before
        one.execute(INSERT)
        two.execute(INSERT)
        three.execute("DELETE FROM customer WHERE customer_id = %s", (old,))
        two.execute(INSERT)
        two.commit()
        three.commit()
        assert total(db) == 2

    assert total(db) == 3


def test_12_threads_mixing_creates_deletes_rollbacks_and_a_load_are_counted_to_the_last_row(
    database: str, admin: Account, db: Db
) -> None:
    def create_and_delete(number: int) -> None:
        for turn in range(6):
            body = {"email": f"c{number}-{turn}@example.com", "password": PASSWORD, "full_name": "Ann"}
            path = admin.client.post(LIST, json=body).headers["Location"]
            if turn % 2:
                assert admin.client.delete(path).status_code == 200

    def write_past_the_service(number: int) -> None:
        chance = random.Random(number)
        for turn in range(15):
            with transaction(database, chance.choice(ISOLATIONS)) as conn:
                conn.execute(INSERT)
                if turn % 3 == 0:
                    conn.rollback()

    def act(number: int) -> None:
        if number == 0:
            with transaction(database) as conn:
                load(conn, 2000)
        elif number % 2:
            create_and_delete(number)
        else:
            write_past_the_service(number)

    assert at_once(12, act) == [None] * 12
    assert admin.client.get(LIST).get_json()["meta"]["total"] == total(db) == 2000 + 6 * 3 + 5 * 10


# ---------------------------------------------------------------- made, and made anew


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("recount", [False, True])
def test_the_counting_waits_for_whoever_writes_and_misses_nobody(
    own: Made, conninfo: str, end: str, recount: bool
) -> None:
    """A customer inserted before the triggers were there, and committed after the count, would be in no part."""
    ctx, db = own
    add(db)
    if not recount:  # as it was before the service came
        db.execute("DROP FUNCTION customers_count() CASCADE")
        db.execute("DROP TABLE customer_counter")

    with transaction(conninfo) as conn, transaction(conninfo) as holder:
        holder.execute(INSERT)
        conn.execute(INSERT)  # the holder has the part there was: this one is in a new part, which nobody else sees
        holder.rollback()
        thread = threading.Thread(target=migrate.apply, args=[ctx.db], kwargs={"recount": recount})
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
        getattr(conn, end)()
    thread.join()

    assert total(db) == (2 if end == "commit" else 1)


def test_applying_again_does_not_count_and_a_recount_makes_good_what_was_loaded_without_triggers(own: Made) -> None:
    ctx, db = own
    add(db)
    db.execute("ALTER TABLE customer DISABLE TRIGGER USER")
    add(db)
    db.execute("ALTER TABLE customer ENABLE TRIGGER USER")

    migrate.apply(ctx.db)
    unchanged = db.one("SELECT sum(customers)::int AS total FROM customer_counter")
    migrate.apply(ctx.db, recount=True)

    assert unchanged == {"total": 1}
    assert total(db) == 2
