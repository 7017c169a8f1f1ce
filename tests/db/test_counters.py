"""The number of all customers is right to the last row, whoever writes and however (CONTRACT section 4)."""

import random
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import psycopg
import pytest

from customers.db import migrate
from tests.conftest import EVERSHOP, PASSWORD, Account, Made
from tests.db.conftest import SHOPS, transaction
from tests.support.database import Db
from tests.support.rows import LIST, add
from tests.support.service import wait_until
from tests.support.shops import migrated
from tests.support.threads import at_once, waiting_for_a_lock

ISOLATIONS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
INSERT = b"INSERT INTO customer (email, password) VALUES (gen_random_uuid() || '@example.com', 'x')"
DELETE_ONE = b"DELETE FROM customer WHERE customer_id = (SELECT min(customer_id) FROM customer)"


def total(db: Db) -> int:
    """Return how many customers there are by the counter, and assert that the table has it so."""
    found = db.one(
        "SELECT (SELECT coalesce(sum(customers), 0)::int FROM customer_counter) AS counted,"
        " (SELECT count(*) FROM customer) AS there"
    )
    assert found["counted"] == found["there"]
    counted: int = found["counted"]
    return counted


@pytest.fixture
def conninfo(own: Made) -> str:
    return own[0].settings.database_url


def test_creates_and_deletes_by_the_service_are_counted(admin: Account, make_customer: Callable[..., Account]) -> None:
    accounts = [make_customer() for _ in range(3)]
    admin.client.delete(accounts[0].path)

    assert admin.client.get(LIST).get_json()["meta"]["total"] == 2


# ---------------------------------------------------------------- by others


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_what_others_write_is_counted_when_it_is_committed(own: Made, conninfo: str, isolation: str) -> None:
    db = own[1]

    for count, statement in ((1, INSERT), (2, INSERT), (1, DELETE_ONE), (2, INSERT), (0, b"DELETE FROM customer")):
        with transaction(conninfo, isolation) as conn:
            conn.execute(statement)
            assert total(db) != count
        assert total(db) == count


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_what_is_rolled_back_is_not_counted(own: Made, conninfo: str, isolation: str) -> None:
    db = own[1]
    add(db)

    with transaction(conninfo, isolation) as conn:
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

    assert total(db) == 2


def test_a_bulk_load_is_counted_in_one_part(own: Made, conninfo: str) -> None:
    db = own[1]

    with transaction(conninfo) as conn, conn.cursor().copy("COPY customer (email, password) FROM STDIN") as copy:
        for number in range(5000):
            copy.write_row((f"c{number}@example.com", "x"))

    assert total(db) == 5000
    assert len(db.all("SELECT FROM customer_counter")) == 1


def test_emptying_the_table_at_once_is_counted_and_can_be_rolled_back(own: Made, conninfo: str) -> None:
    db = own[1]
    add(db)

    with transaction(conninfo) as conn:
        conn.execute("TRUNCATE customer CASCADE")
        conn.rollback()
    assert total(db) == 1
    with transaction(conninfo) as conn:
        conn.execute("TRUNCATE customer CASCADE")
        conn.execute(INSERT)
        conn.execute(INSERT)

    assert total(db) == 2


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_emptying_the_table_in_an_old_snapshot_counts_no_row_that_is_gone(
    own: Made, conninfo: str, isolation: str
) -> None:
    """TRUNCATE takes rows that its transaction cannot see; a part of the number that it cannot see would stay."""
    db = own[1]
    add(db)

    with transaction(conninfo, isolation) as conn, transaction(conninfo) as holder:
        conn.execute("SELECT")
        holder.execute(INSERT)
        add(db)  # the holder has the one part there was, so it is counted in a new one
        holder.rollback()
        with nullcontext() if isolation == "READ COMMITTED" else pytest.raises(psycopg.Error, match="READ COMMITTED"):
            conn.execute("TRUNCATE customer CASCADE")

    assert total(db) == (0 if isolation == "READ COMMITTED" else 2)


def test_what_adds_and_removes_nothing_writes_nothing(own: Made) -> None:
    db = own[1]
    add(db, email="a@example.com")
    parts = db.all("SELECT slot, customers, xmin::text FROM customer_counter")

    db.execute("INSERT INTO customer (email, password) VALUES ('A@EXAMPLE.COM', 'x') ON CONFLICT DO NOTHING")
    db.execute("DELETE FROM customer WHERE false")
    db.execute("UPDATE customer SET full_name = 'Bob'")
    db.execute(
        "INSERT INTO customer (email, password) VALUES ('a@example.com', 'x')"
        " ON CONFLICT (email) DO UPDATE SET full_name = 'Ann'"
    )

    assert db.all("SELECT slot, customers, xmin::text FROM customer_counter") == parts


@pytest.fixture
def stranger(own: Made) -> Iterator[str]:
    """Return a role that may write customers, and nothing else."""
    db, role = own[1], f"stranger_{secrets.token_hex(8)}"  # roles are the whole server's
    db.execute(f"CREATE ROLE {role}")
    db.execute(f"GRANT SELECT, INSERT, DELETE, TRUNCATE ON customer TO {role}")
    yield role
    db.execute(f"DROP OWNED BY {role}")
    db.execute(f"DROP ROLE {role}")


def test_a_role_without_rights_to_the_counter_is_counted_and_leads_the_counting_to_no_other_table(
    own: Made, conninfo: str, stranger: str
) -> None:
    """A function with its definer's rights must not find a table of the caller's making."""
    with transaction(conninfo) as conn:
        conn.execute(f"SET ROLE {stranger}".encode())
        for statement in (INSERT, INSERT, DELETE_ONE):
            conn.execute(statement)
        conn.execute("CREATE TEMP TABLE customer_counter (slot int, customers bigint)")
        conn.execute("SET search_path = pg_temp, public")
        conn.execute(INSERT)

    assert total(own[1]) == 2
    with transaction(conninfo) as conn:
        conn.execute(f"SET ROLE {stranger}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("UPDATE customer_counter SET customers = 99")


# ---------------------------------------------------------------- at once


@pytest.mark.parametrize("first", ISOLATIONS)
@pytest.mark.parametrize("second", ISOLATIONS)
def test_writers_never_wait_for_each_other(own: Made, conninfo: str, first: str, second: str) -> None:
    db = own[1]
    old = add(db)

    with (
        transaction(conninfo, first) as one,
        transaction(conninfo, second) as two,
        transaction(conninfo) as three,
    ):
        two.execute("SELECT FROM customer")  # its snapshot is from before
        one.execute(INSERT)
        two.execute(INSERT)
        three.execute("DELETE FROM customer WHERE customer_id = %s", (old,))
        two.execute(INSERT)
        two.commit()
        three.commit()
        assert total(db) == 2
        one.commit()

    assert total(db) == 3


def test_16_threads_mixing_creates_deletes_rollbacks_and_a_load_are_counted_to_the_last_row(
    database: str, admin: Account, db: Db
) -> None:
    def act(number: int) -> None:
        chance = random.Random(number)
        created: list[str] = []
        if number == 0:
            with (
                transaction(database) as conn,
                conn.cursor().copy("COPY customer (email, password) FROM STDIN") as copy,
            ):
                for row in range(2000):
                    copy.write_row((f"loaded{row}@example.com", "x"))
            return
        for turn in range(25):
            choice = chance.choice(["create", "create", "delete", "rollback", "foreign"])
            if choice == "create":
                body = {"email": f"c{number}-{turn}@example.com", "password": PASSWORD, "full_name": "Ann"}
                response = admin.client.post("/api/customers", json=body)
                created.append(response.get_json()["data"]["uuid"])
            elif choice == "delete" and created:
                assert admin.client.delete(f"/api/customers/{created.pop()}").status_code == 200
            else:
                with transaction(database, chance.choice(ISOLATIONS)) as conn:
                    conn.execute(INSERT)
                    if choice == "rollback":
                        conn.rollback()

    assert at_once(16, act) == [None] * 16
    assert admin.client.get(LIST).get_json()["meta"]["total"] == total(db) > 2000


# ---------------------------------------------------------------- made, and made anew


def uncounted(made: Made) -> Made:
    """Take the counting away, as it was before the service came, and add customers."""
    _, db = made
    db.execute("DROP FUNCTION customers_count() CASCADE")
    db.execute("DROP TABLE customer_counter")
    for _ in range(5):
        add(db)
    return made


@SHOPS
def test_customers_are_counted_when_the_schema_comes_and_once_where_it_comes_in_eight_processes(
    make: Callable[..., Made], sql: str
) -> None:
    ctx, db = uncounted(migrated(make, sql))

    assert at_once(8, lambda _: migrate.apply(ctx.db)) == [None] * 8

    assert total(db) == (7 if sql else 5)
    add(db)
    assert total(db) == (8 if sql else 6)


def test_an_existing_shops_customers_are_counted_and_so_is_what_it_writes_beside_us(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    migrate.apply(ctx.db, repair_defaults=True)
    assert total(db) == 2

    with transaction(ctx.settings.database_url) as conn:
        for statement in (INSERT, b"DELETE FROM customer WHERE customer_id = 1", INSERT):
            conn.execute(statement)

    assert total(db) == 3


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("recount", [False, True])
def test_the_counting_waits_for_whoever_writes_and_misses_nobody(own: Made, end: str, recount: bool) -> None:
    """A customer inserted before the triggers were there, and committed after the count, would be in no part."""
    ctx, db = uncounted(own)
    if recount:
        migrate.apply(ctx.db)
    conninfo = ctx.settings.database_url

    with transaction(conninfo) as conn, transaction(conninfo) as holder:
        holder.execute(INSERT)
        conn.execute(INSERT)  # the holder has the part there was: this one is in a new part, which nobody else sees
        holder.rollback()
        thread = threading.Thread(target=migrate.apply, args=[ctx.db], kwargs={"recount": recount})
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
        getattr(conn, end)()
    thread.join()

    assert total(db) == (6 if end == "commit" else 5)


def test_whoever_writes_while_the_counting_comes_is_counted(own: Made) -> None:
    ctx, db = uncounted(own)

    def act(number: int) -> None:
        if number == 0:
            migrate.apply(ctx.db)
            return
        for _ in range(20):
            with psycopg.connect(ctx.settings.database_url) as conn:
                conn.execute(INSERT)

    assert at_once(8, act) == [None] * 8

    assert total(db) == 5 + 7 * 20


def test_applying_again_does_not_count_and_a_recount_makes_good_what_was_loaded_without_triggers(own: Made) -> None:
    ctx, db = own
    add(db)
    db.execute("ALTER TABLE customer DISABLE TRIGGER USER")
    add(db)
    db.execute("ALTER TABLE customer ENABLE TRIGGER USER")

    migrate.apply(ctx.db)
    unchanged = db.one("SELECT sum(customers)::int AS total FROM customer_counter")["total"]
    migrate.apply(ctx.db, recount=True)

    assert unchanged == 1
    assert total(db) == 2
    db.execute("DELETE FROM customer_counter")
    add(db)
    migrate.apply(ctx.db, recount=True)
    assert total(db) == 3
