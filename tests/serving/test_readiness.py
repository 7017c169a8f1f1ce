"""Whether the schema is there and new enough."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import ProgrammingError

from customers.db import migrate
from customers.errors import SchemaMissing
from tests.conftest import EVERSHOP, Made
from tests.support.shops import migrated


@pytest.mark.parametrize("change", [
    "UPDATE customers_schema SET version = version - 1", "DELETE FROM customers_schema",
    "ALTER TABLE customers_schema RENAME version TO another",
])  # fmt: skip
def test_an_older_schema_is_as_good_as_none_and_a_newer_good_enough(make: Callable[..., Made], change: str) -> None:
    ctx, db = migrated(make)
    db.execute("UPDATE customers_schema SET version = 1000")
    migrate.apply(ctx.db)
    migrate.check(ctx.db)
    assert db.one("SELECT version FROM customers_schema") == {"version": 1000}, "it is not set back"

    db.execute("UPDATE customers_schema SET version = %s", migrate.version())
    migrate.check(ctx.db)
    db.execute(change)

    with pytest.raises((SchemaMissing, ProgrammingError)):  # the latter of a column is answered as the former
        migrate.check(ctx.db)


def test_applying_the_schema_again_waits_for_no_open_transaction(make: Callable[..., Made]) -> None:
    """CREATE INDEX IF NOT EXISTS takes its lock before it looks, and would wait for every writer."""
    ctx, db = migrated(make, EVERSHOP)

    with ctx.db.writing() as tx:
        tx.conn.exec_driver_sql("UPDATE customer SET full_name = 'open'")
        tx.conn.exec_driver_sql("UPDATE admin_user SET full_name = 'open'")
        tx.conn.exec_driver_sql("DELETE FROM login_session")
        migrate.apply(ctx.db)

    assert db.one("SELECT full_name FROM customer WHERE customer_id = 1") == {"full_name": "open"}
