"""Writers are counted whoever they are and however many at once, and never wait for each other."""

import random
from collections.abc import Iterator

import psycopg
import pytest

from customers.context import Context
from tests import test_counters
from tests.conftest import PASSWORD, Account, Made
from tests.support.database import Db
from tests.support.rows import LIST, add
from tests.test_counters import DELETE_ONE, INSERT, ISOLATIONS, check, transaction
from tests.test_races import at_once

own = test_counters.own  # the fixture


@pytest.fixture
def stranger(own: Made) -> Iterator[str]:
    """Return a role that may write customers, and nothing else."""
    db = own[1]
    role = f"stranger_{db.one('SELECT current_database() AS name')['name']}"[:63]
    db.execute(f"CREATE ROLE {role}")
    db.execute(f"GRANT SELECT, INSERT, DELETE, TRUNCATE ON customer TO {role}")
    yield role
    db.execute(f"DROP OWNED BY {role}")
    db.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_role_without_rights_to_the_counter_is_counted(own: Made, stranger: str, isolation: str) -> None:
    ctx, db = own

    with transaction(ctx, isolation) as conn:
        conn.execute(f"SET ROLE {stranger}".encode())
        for statement in (INSERT, INSERT, DELETE_ONE):
            conn.execute(statement)

    assert check(ctx, db) == 1
    with transaction(ctx) as conn:
        conn.execute(f"SET ROLE {stranger}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("UPDATE customer_counter SET customers = 99")


def test_nobody_leads_the_counting_to_another_table(own: Made, stranger: str) -> None:
    """A function with its definer's rights must not find a table of the caller's making."""
    ctx, db = own

    with transaction(ctx) as conn:
        conn.execute(f"SET ROLE {stranger}".encode())
        conn.execute("CREATE TEMP TABLE customer_counter (slot int, customers bigint)")
        conn.execute("SET search_path = pg_temp, public")
        conn.execute(INSERT)

    assert check(ctx, db) == 1


@pytest.mark.parametrize("first", ISOLATIONS)
@pytest.mark.parametrize("second", ISOLATIONS)
def test_writers_never_wait_for_each_other(own: Made, first: str, second: str) -> None:
    ctx, db = own
    old = add(db)

    with transaction(ctx, first) as one, transaction(ctx, second) as two, transaction(ctx) as three:
        two.execute("SELECT FROM customer")  # its snapshot is from before
        one.execute(INSERT)
        two.execute(INSERT)
        three.execute("DELETE FROM customer WHERE customer_id = %s", (old,))
        two.execute(INSERT)
        two.commit()
        three.commit()
        assert check(ctx, db) == 2
        one.commit()

    assert check(ctx, db) == 3


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_writers_at_once_all_succeed_and_are_counted(own: Made, isolation: str) -> None:
    ctx, db = own

    def act(_: int) -> None:
        with transaction(ctx, isolation) as conn:
            for _ in range(5):
                conn.execute(INSERT)

    assert at_once(16, act) == [None] * 16
    assert check(ctx, db) == 80
    if isolation == "READ COMMITTED":
        assert len(db.all("SELECT FROM customer_counter")) <= 17


def test_16_threads_mixing_creates_deletes_rollbacks_and_a_load_are_counted_to_the_last_row(
    ctx: Context, admin: Account, db: Db
) -> None:
    def act(number: int) -> None:
        chance = random.Random(number)
        created: list[str] = []
        if number == 0:
            with (
                transaction(ctx) as conn,
                conn.cursor().copy("COPY customer (email, password) FROM STDIN") as copy,
            ):
                for row in range(2000):
                    copy.write_row((f"loaded{row}@example.com", "x"))
            return
        for turn in range(134):
            choice = chance.choice(["create", "create", "delete", "rollback", "foreign"])
            if choice == "create":
                body = {"email": f"c{number}-{turn}@example.com", "password": PASSWORD, "full_name": "Ann"}
                response = admin.client.post("/api/customers", json=body)
                created.append(response.get_json()["data"]["uuid"])
            elif choice == "delete" and created:
                assert admin.client.delete(f"/api/customers/{created.pop()}").status_code == 200
            else:
                with transaction(ctx, chance.choice(ISOLATIONS)) as conn:
                    conn.execute(INSERT)
                    if choice == "rollback":
                        conn.rollback()

    results = at_once(16, act)

    assert results == [None] * 16
    assert admin.client.get(LIST).get_json()["meta"]["total"] == check(ctx, db) > 2000
