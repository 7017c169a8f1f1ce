"""`flask check-evershop`: what stands in the way of running beside an EverShop."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from customers.context import Context
from customers.db import migrate
from customers.evershop import check
from customers.evershop.service import SETUP
from customers.http import context
from tests.conftest import EVERSHOP, Made, application
from tests.support.database import Db

# As express-session and connect-pg-simple write a new one, a number of minutes before a page uses it, in a time zone.
SESSION = """
    INSERT INTO session (sid, sess, expire)
    SELECT gen_random_uuid(), json_build_object('cookie', json_build_object('expires', now() + interval '1 day')),
           (now() + interval '1 day 0.9 seconds' + {} * interval '1 minute') AT TIME ZONE '{}'
"""
SECRETS = ("s" * 32,)
Make = Callable[[str], Made]


def found(made: Made, **changes: Any) -> list[str]:
    """Return all that is not as it should be, with settings that are."""
    settings = replace(made[0].settings, **{"evershop_cookie_secrets": SECRETS, **changes})
    return [f"{level} {text}" for level, text in check.findings(made[0].db, settings) if level != "ok"]


def test_each_fault_is_named_and_doing_what_is_shown_puts_it_right(make: Make) -> None:
    ctx, db = shop = make(EVERSHOP)
    faults = found(shop)

    for statement in [fault.partition(": UPDATE ")[2] for fault in faults if ": UPDATE " in fault]:
        db.execute(f"UPDATE {statement}")
    db.execute(SESSION.format(0, "UTC"))
    migrate.apply(ctx.db, SETUP, repair_defaults=True)

    assert [fault.split(",")[0].split(":")[0] for fault in faults] == [
        "stop 1 customers have several default addresses",
        "warning Nobody can tell whether the time zone is EverShop's",
        "warning The database is not set up yet (customers_evershop_guard",
        "warning 1 customers have no name or no time of creation (bare@example.com)",
        "warning 3 rows of event hold a password hash",
    ]
    assert found(shop) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("INSERT INTO customer (email, password) VALUES ('JANE@example.com', 'x')", "Jane@Example.com"),
        ("INSERT INTO admin_user (email, password) VALUES ('boss@example.com', 'x')", "Boss@Example.com"),
        ("INSERT INTO customer_group (group_name) VALUES ('WHOLESALE')", "Wholesale"),
        ('DROP TABLE cart, "order"', 'cart, "order" are missing'),
        ("ALTER TABLE cart DROP COLUMN customer_full_name", "cart.customer_full_name"),
    ],
)
def test_rows_and_tables_in_the_way_are_named(make: Make, sql: str, said: str) -> None:
    shop = make(f"{EVERSHOP}; {sql}")

    assert [fault for fault in found(shop) if said in fault and fault.startswith("stop ")]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
def test_a_time_zone_that_is_not_the_shops_is_found_by_unused_sessions(make: Make, zone: str) -> None:
    shop = make(EVERSHOP)
    for minutes in (0, 0, 20, 21, 22, 30):
        shop[1].execute(SESSION.format(minutes, zone))

    wrong = [fault for fault in found(shop, evershop_timezone="Europe/Berlin") if "shop.timezone" in fault]
    right = [fault for fault in found(shop, evershop_timezone=zone) if "time zone" in fault]
    unknown = [fault for fault in found(shop, evershop_timezone="Europe/Atlantis") if "Atlantis" in fault]

    assert ("too late" if zone == "Asia/Kolkata" else "too early") in wrong[0]  # east of Berlin, or west of it
    assert right == []
    assert unknown[0].startswith("stop ")


@pytest.mark.parametrize(
    ("given", "said"),
    [((), "is not set"), (("keyboard cat",), "can be guessed"), ((*SECRETS, "short"), "can be guessed")],
)
def test_a_missing_or_weak_secret_stands_in_the_way(make: Make, given: tuple[str, ...], said: str) -> None:
    assert said in found(make(EVERSHOP), evershop_cookie_secrets=given)[0]


def test_the_rights_that_the_role_lacks_are_shown_as_statements_that_give_them(make: Make) -> None:
    ctx, owners = make(EVERSHOP)
    role, password = f"test_{secrets.token_hex(8)}", secrets.token_hex(16)  # roles are the whole server's
    owners.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    owners.execute(f"GRANT UPDATE (password), SELECT ON admin_user TO {role}")
    own = make_conninfo(owners.conninfo, user=role, password=password)  # a pooler would have to know the role
    ctx = Context.of(replace(ctx.settings, database_url=own))

    lacks = [fault for fault in found((ctx, owners)) if fault.startswith("stop The role lacks rights")]
    for statement in lacks[0].partition(": ")[2].removesuffix(".").split("; "):
        owners.execute(statement)
    given = found((ctx, owners))

    assert 'GRANT SELECT, UPDATE ON "order" TO' in lacks[0]
    assert "admin_user" not in lacks[0]
    assert [fault for fault in given if "rights" in fault] == []
    assert [fault for fault in given if "belongs to" in fault]
    assert [fault for fault in given if fault.startswith("warning Could not check") and "permission denied" in fault]
    ctx.db.close()
    owners.execute(f"DROP OWNED BY {role}")
    owners.execute(f"DROP ROLE {role}")


def test_the_command_shows_all_and_exits_with_1_while_something_stands_in_the_way(make: Make) -> None:
    """On a database without any table as well."""
    ctx, db = make("")
    settings = replace(ctx.settings, evershop_cookie_secrets=SECRETS)
    app = application(settings)

    empty = app.test_cli_runner().invoke(args=["check-evershop"])
    with Db(db.conninfo) as shop:
        shop.execute(f"{EVERSHOP}; DELETE FROM customer_address")
    fine = app.test_cli_runner().invoke(args=["check-evershop"])
    context.of(app).db.close()

    assert (empty.exit_code, fine.exit_code) == (1, 0)
    assert "stop     This is not the database of an EverShop: session, cart" in empty.output
    assert empty.output.endswith("Error: 1 of these must be put right first.\n")
    assert [line for line in fine.output.splitlines() if line.startswith("ok       ")]
    assert len(fine.output.splitlines()) == len(check.CHECKS) + 1
