"""`session.expire` has no time zone: it is written and read in the shop's, also in nights when the clocks change."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import Account, log_in, new_client
from tests.evershop.conftest import MakeApp
from tests.evershop.shop import Browser, Shop, command, customer_id, evershop_session, holding, sessions, signed
from tests.support.answers import data_of
from tests.support.builders import ME
from tests.support.database import Db

ZONE = "America/New_York"
HOUR = 3600
# As EverShop reads it, on a connection in the shop's time zone.
ENDS = f"""
    SELECT extract(epoch FROM expire AT TIME ZONE '{ZONE}')::int AS theirs, extract(epoch FROM expires_at)::int AS ours
      FROM session
      JOIN login_session ON uuid::text = sess ->> 'customersSession'
"""


@pytest.fixture
def there(make_app: MakeApp, db: Db, database: str) -> Iterator[MakeApp]:
    """Return a function that makes an application for a shop in New York, whose database is there, too."""
    name = conninfo_to_dict(database)["dbname"]
    db.execute(f"ALTER DATABASE {name} SET timezone = '{ZONE}'")
    yield lambda **settings: make_app(evershop_timezone=ZONE, **settings)
    db.execute(f"ALTER DATABASE {name} RESET timezone")


def test_a_session_lasts_as_long_here_as_in_a_shop_elsewhere(
    there: MakeApp, start_shop: Callable[[str], Shop], customer: Account, db: Db
) -> None:
    browser = Browser(there(), start_shop(ZONE))
    db.execute("DELETE FROM login_session")
    browser.log_in(customer)
    own = db.one("SELECT sid FROM session")["sid"]
    for seconds in (-60, 60):
        expire = f"(now() + {seconds} * interval '1 s') AT TIME ZONE '{ZONE}'"
        born = holding(there(), signed(evershop_session(db, expire, customerID=customer_id(db, customer))))
        assert born.get(ME).status_code == (401 if seconds < 0 else 200)
    db.execute("DELETE FROM session WHERE sid <> %s", own)
    use = "UPDATE login_session SET expires_at = now() + %s::interval, last_seen_at = now() - %s::interval"
    for ours, seen, act in (
        ("30 s", "1 hour", lambda: None),
        ("30 s", "0 s", browser.visit),
        ("-1 minute", "1 hour", lambda: command(browser.ours.application, "purge")),
    ):
        db.execute(use, ours, seen)
        db.execute(f"UPDATE session SET expire = (now() + interval '1 minute') AT TIME ZONE '{ZONE}'")
        act()
        data_of(browser.ours.get(ME))
        for end in db.one(ENDS).values():
            assert abs(end - time.time() - 24 * HOUR) < 60
    assert browser.who() == {customer.email}


# The second Sunday in March and the first in November. The clocks go forward at 07:00 UTC, and back at 06:00 UTC: 01:30
# comes twice, and PostgreSQL reads it as the second.
YEAR = datetime.now(UTC).year + 1
SPRING, AUTUMN = (
    date(YEAR, month, last - date(YEAR, month, last).isoweekday() % 7) for month, last in ((3, 14), (11, 7))
)
NIGHTS = [
    *((SPRING, hour, 0) for hour in ("06:59", "07:00", "07:30")),
    *((AUTUMN, hour, 0) for hour in ("04:59", "06:30", "07:30")),
    (AUTUMN, "05:30", HOUR),
]


@pytest.mark.parametrize(("night", "hour", "later"), NIGHTS)
def test_when_the_clocks_change_no_session_ends_early_and_none_more_than_an_hour_late(
    there: MakeApp, customer: Account, db: Db, night: date, hour: str, later: int
) -> None:
    end = db.one("SELECT extract(epoch FROM %s::timestamptz)::int AS at", f"{night} {hour}+00")["at"]
    app = there(customer_idle=end - int(time.time()), customer_lifetime=10**8)
    db.execute("DELETE FROM login_session")

    log_in(new_client(app), customer.email)

    row = db.one(ENDS)
    assert abs(row["theirs"] - end - later) < 60
    assert abs(row["ours"] - end) < 60
    # And what EverShop writes for this moment is read here as EverShop reads it.
    db.execute("DELETE FROM login_session")
    expire = f"to_timestamp({end}) AT TIME ZONE '{ZONE}'"
    data_of(holding(app, signed(evershop_session(db, expire, customerID=customer_id(db, customer)))).get(ME))
    db.execute("UPDATE login_session SET expires_at = now() - interval '1 minute'")
    command(app, "purge")
    assert abs(sessions(db)[0]["expires_at"].timestamp() - end - later) < 60
