"""`session.expire` has no time zone: it is written and read in the shop's, also in nights when the clocks change."""

import time
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.evershop.conftest import MakeApp
from tests.evershop.shop import command, sessions, signed_in_there
from tests.support.answers import data_of, refused
from tests.support.builders import ME
from tests.support.database import Db

ZONE = "America/New_York"
HOUR = 3600

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
    make_app: MakeApp, customer: Account, db: Db, night: date, hour: str, later: int
) -> None:
    end = db.one("SELECT extract(epoch FROM %s::timestamptz)::int AS at", f"{night} {hour}+00")["at"]
    app = make_app(evershop_timezone=ZONE, customer_idle=end - int(time.time()), customer_lifetime=10**8)
    db.execute(f"SET timezone = '{ZONE}'")  # in which EverShop reads and writes
    db.execute("DELETE FROM login_session")

    log_in(new_client(app), customer.email)

    (row,) = sessions(db)
    assert abs(row["expire"].timestamp() - end - later) < 60
    assert abs(row["expires_at"].timestamp() - end) < 60
    # And what EverShop writes for this moment is read here as EverShop reads it.
    db.execute("DELETE FROM login_session")
    there = signed_in_there(app, db, customer)
    db.execute("UPDATE session SET expire = to_timestamp(%s)", end)
    data_of(there.get(ME))
    db.execute("UPDATE login_session SET expires_at = now() - interval '1 minute'")
    command(app, "purge")
    assert abs(sessions(db)[0]["expires_at"].timestamp() - end - later) < 60


def test_a_time_zone_that_postgresql_does_not_know_is_told_at_once(app: Flask, make_app: MakeApp) -> None:
    """Else each request with a cookie of EverShop's was a 500, of a service that said it was ready."""
    assert new_client(make_app(evershop_timezone="Mars/Olympus")).get("/readyz").status_code == 500


def test_without_a_column_of_evershops_that_is_needed_it_is_not_ready(app: Flask, db: Db) -> None:
    db.execute("ALTER TABLE cart RENAME customer_full_name TO another")
    try:
        refused(new_client(app).get("/readyz"), 503, "schema_missing")
    finally:
        db.execute("ALTER TABLE cart RENAME another TO customer_full_name")
