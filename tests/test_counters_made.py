"""The number of customers when the counter is made, or made anew: upgrades, existing shops, `--recount`."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from customers import schema
from customers.resources import Resources
from tests import pooler
from tests.conftest import EVERSHOP, Made, application
from tests.db import Db
from tests.rows import add
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
    resources, db = make()
    schema.apply(resources.database)
    back_to_version_2(db)
    for _ in range(5):
        add(db)
    return resources, db


def test_an_upgrade_counts_the_customers_there_are(old: Made) -> None:
    resources, db = old

    schema.apply(resources.database)

    assert check(resources, db) == 5
    add(db)
    assert check(resources, db) == 6


def test_an_existing_shops_customers_are_counted_and_so_is_what_it_writes_beside_us(make: Callable[..., Made]) -> None:
    resources, db = make(EVERSHOP)

    schema.apply(resources.database, repair_defaults=True)

    assert check(resources, db) == 2
    db.execute(INSERT.decode().replace("%", "%%"))
    db.execute("DELETE FROM customer WHERE customer_id = 1")
    db.execute(INSERT.decode().replace("%", "%%"))
    assert check(resources, db) == 3


@pytest.mark.parametrize("sql", ["", EVERSHOP], ids=["empty", "evershop"])
def test_applying_it_at_once_counts_once(make: Callable[..., Made], sql: str) -> None:
    resources, db = make(sql)
    schema.apply(resources.database, repair_defaults=True)
    back_to_version_2(db)
    before = [add(db) for _ in range(5)]

    assert at_once(8, lambda _: schema.apply(resources.database)) == [None] * 8

    assert check(resources, db) >= len(before)


def test_applying_again_does_not_count_again(old: Made) -> None:
    resources, db = old
    schema.apply(resources.database)
    db.execute("UPDATE customer_counter SET customers = customers + 100")

    schema.apply(resources.database)

    assert db.one("SELECT sum(customers)::int AS total FROM customer_counter")["total"] == 105


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("recount", [False, True])
def test_it_waits_for_whoever_writes_and_misses_nobody(old: Made, end: str, recount: bool) -> None:
    """A customer inserted before the triggers were there, and committed after the count, would be in no part."""
    resources, db = old
    if recount:
        schema.apply(resources.database)

    with transaction(resources) as conn, transaction(resources) as holder:
        holder.execute(INSERT)
        conn.execute(INSERT)  # the holder has the part there was: this one is in a new part, which nobody else sees
        holder.rollback()
        thread = threading.Thread(target=schema.apply, args=[resources.database], kwargs={"recount": recount})
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
        getattr(conn, end)()
    thread.join()

    schema.check(resources.database)
    assert check(resources, db) == (6 if end == "commit" else 5)


def test_who_writes_while_it_is_made_is_counted(old: Made) -> None:
    resources, db = old

    def act(number: int) -> None:
        if number == 0:
            schema.apply(resources.database)
            return
        for _ in range(20):
            with psycopg.connect(pooler.direct(resources.settings)) as conn:
                conn.execute(INSERT)

    assert at_once(8, act) == [None] * 8

    assert check(resources, db) == 5 + 7 * 20


def load_without_triggers(resources: Resources, db: Db) -> None:
    for switch in ("DISABLE", "ENABLE"):
        db.execute(f"ALTER TABLE customer {switch} TRIGGER USER")
        if switch == "DISABLE":
            for _ in range(3):
                add(db)
    assert db.one("SELECT count(*) FROM customer")["count"] == 8


def test_recount_makes_good_what_was_loaded_without_triggers(old: Made) -> None:
    resources, db = old
    schema.apply(resources.database)
    load_without_triggers(resources, db)
    app = application(resources.settings)

    unchanged = run(app, "init-db")
    wrong = db.one("SELECT sum(customers)::int AS total FROM customer_counter")["total"]
    result = run(app, "init-db", "--recount")

    assert (unchanged.exit_code, wrong) == (0, 5)
    assert (result.exit_code, result.output) == (0, f"The database schema is at version {schema.version()}.\n")
    assert check(resources, db) == 8
    assert len(db.all("SELECT FROM customer_counter")) == 1
    app.extensions["customers"].database.close()


def test_a_lost_counter_is_made_good_too(old: Made) -> None:
    resources, db = old
    schema.apply(resources.database)
    db.execute("DELETE FROM customer_counter")
    add(db)

    schema.apply(resources.database, recount=True)

    assert check(resources, db) == 6
