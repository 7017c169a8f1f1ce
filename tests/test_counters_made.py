"""The number of customers when the counter is made, or made anew: upgrades, existing shops, `--recount`."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from customers.db import migrate
from customers.context import Context
from tests import pooler
from tests.conftest import EVERSHOP, Made, application
from tests.support.database import Db
from tests.support.rows import add
from tests.test_cli import run
from tests.test_counters import INSERT, check, transaction
from tests.test_races import at_once, wait_until, waiting_for_a_lock


def back_to_version_2(db: Db) -> None:
    """Take away what version 3 of the schema brought to the counting."""
    db.execute("DROP FUNCTION customers_count() CASCADE")
    db.execute("DROP TABLE customer_counter")
    db.execute("UPDATE customers_schema SET version = 2")


@pytest.fixture
def old(make: Callable[..., Made]) -> Made:
    """Return a database of schema version 2 with customers in it."""
    ctx, db = make()
    migrate.apply(ctx.db)
    back_to_version_2(db)
    for _ in range(5):
        add(db)
    return ctx, db


def test_an_upgrade_counts_the_customers_there_are(old: Made) -> None:
    ctx, db = old

    migrate.apply(ctx.db)

    assert check(ctx, db) == 5
    add(db)
    assert check(ctx, db) == 6


def test_an_existing_shops_customers_are_counted_and_so_is_what_it_writes_beside_us(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)

    migrate.apply(ctx.db, repair_defaults=True)

    assert check(ctx, db) == 2
    db.execute(INSERT.decode().replace("%", "%%"))
    db.execute("DELETE FROM customer WHERE customer_id = 1")
    db.execute(INSERT.decode().replace("%", "%%"))
    assert check(ctx, db) == 3


@pytest.mark.parametrize("sql", ["", EVERSHOP], ids=["empty", "evershop"])
def test_applying_it_at_once_counts_once(make: Callable[..., Made], sql: str) -> None:
    ctx, db = make(sql)
    migrate.apply(ctx.db, repair_defaults=True)
    back_to_version_2(db)
    before = [add(db) for _ in range(5)]

    assert at_once(8, lambda _: migrate.apply(ctx.db)) == [None] * 8

    assert check(ctx, db) >= len(before)


def test_applying_again_does_not_count_again(old: Made) -> None:
    ctx, db = old
    migrate.apply(ctx.db)
    db.execute("UPDATE customer_counter SET customers = customers + 100")

    migrate.apply(ctx.db)

    assert db.one("SELECT sum(customers)::int AS total FROM customer_counter")["total"] == 105


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("recount", [False, True])
def test_it_waits_for_whoever_writes_and_misses_nobody(old: Made, end: str, recount: bool) -> None:
    """A customer inserted before the triggers were there, and committed after the count, would be in no part."""
    ctx, db = old
    if recount:
        migrate.apply(ctx.db)

    with transaction(ctx) as conn, transaction(ctx) as holder:
        holder.execute(INSERT)
        conn.execute(INSERT)  # the holder has the part there was: this one is in a new part, which nobody else sees
        holder.rollback()
        thread = threading.Thread(target=migrate.apply, args=[ctx.db], kwargs={"recount": recount})
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
        getattr(conn, end)()
    thread.join()

    migrate.check(ctx.db)
    assert check(ctx, db) == (6 if end == "commit" else 5)


def test_who_writes_while_it_is_made_is_counted(old: Made) -> None:
    ctx, db = old

    def act(number: int) -> None:
        if number == 0:
            migrate.apply(ctx.db)
            return
        for _ in range(20):
            with psycopg.connect(pooler.direct(ctx.settings)) as conn:
                conn.execute(INSERT)

    assert at_once(8, act) == [None] * 8

    assert check(ctx, db) == 5 + 7 * 20


def load_without_triggers(ctx: Context, db: Db) -> None:
    for switch in ("DISABLE", "ENABLE"):
        db.execute(f"ALTER TABLE customer {switch} TRIGGER USER")
        if switch == "DISABLE":
            for _ in range(3):
                add(db)
    assert db.one("SELECT count(*) FROM customer")["count"] == 8


def test_recount_makes_good_what_was_loaded_without_triggers(old: Made) -> None:
    ctx, db = old
    migrate.apply(ctx.db)
    load_without_triggers(ctx, db)
    app = application(ctx.settings)

    unchanged = run(app, "init-db")
    wrong = db.one("SELECT sum(customers)::int AS total FROM customer_counter")["total"]
    result = run(app, "init-db", "--recount")

    assert (unchanged.exit_code, wrong) == (0, 5)
    assert (result.exit_code, result.output) == (0, f"The database schema is at version {migrate.version()}.\n")
    assert check(ctx, db) == 8
    assert len(db.all("SELECT FROM customer_counter")) == 1
    app.extensions["customers"].database.close()


def test_a_lost_counter_is_made_good_too(old: Made) -> None:
    ctx, db = old
    migrate.apply(ctx.db)
    db.execute("DELETE FROM customer_counter")
    add(db)

    migrate.apply(ctx.db, recount=True)

    assert check(ctx, db) == 6
