"""The list's filters by time: ISO 8601, from inclusive, to exclusive (CONTRACT section 9)."""

from urllib.parse import quote

import pytest

from tests.conftest import Account
from tests.support.database import Db
from tests.support.rows import add, at_fault, ids

NOON = "2026-01-31 12:00:00+00"
# The same moment, said otherwise.
SAME = [
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00+00:00",
    "2026-01-31T13:00:00+01:00",
    "2026-01-31T06:30:00-05:30",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00",
    "2026-01-31T12:00",
    "2026-01-31T12",
    "2026-01-31T12:00:00.000Z",
    "2026-01-31T12:00:00.000000000Z",
    "20260131T120000Z",
    "2026-02-01T01:00:00+13:00",
]


@pytest.mark.parametrize("moment", SAME)
def test_from_is_inclusive_and_to_exclusive_in_every_form(admin: Account, db: Db, moment: str) -> None:
    before, at, after = (
        add(db, created_at=time) for time in ("2026-01-31 11:59:59.999999+00", NOON, "2026-01-31 12:00:00.000001+00")
    )

    assert ids(admin.client, created_from=moment) == [at, after]
    assert ids(admin.client, created_to=moment) == [before]
    assert ids(admin.client, created_from=moment, created_to=moment) == []


def test_a_date_is_its_midnight_in_utc(admin: Account, db: Db) -> None:
    before, midnight = (add(db, created_at=time) for time in ("2026-01-30 23:59:59.999999+00", "2026-01-31 00:00+00"))

    assert ids(admin.client, created_from="2026-01-31") == [midnight]
    assert ids(admin.client, created_to="2026-01-31") == [before]


def test_a_year_is_from_its_first_day_to_that_of_the_next(admin: Account, db: Db) -> None:
    kept = [add(db, created_at=f"{day} 12:00+00") for day in ("2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01")]

    assert ids(admin.client, created_from="2026-01-01", created_to="2027-01-01") == kept[1:3]


def test_who_has_no_time_is_in_no_span(admin: Account, db: Db) -> None:
    add(db, created_at=None)

    assert ids(admin.client, created_from="0001-01-01") == []
    assert ids(admin.client, created_to="9999-12-31") == []


@pytest.mark.parametrize("name", ["created_from", "created_to"])
@pytest.mark.parametrize(
    "edge",
    ["0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00-14:00", "9999-12-31T23:59:59.999999Z",
     "9999-12-31T23:59:59+14:00"],
)  # fmt: skip
def test_the_edges_of_the_calendar_are_times(admin: Account, db: Db, name: str, edge: str) -> None:
    kept = add(db)

    wanted = [kept] if edge.startswith("0001") == (name == "created_from") else []
    assert ids(admin.client, **{name: edge}) == wanted


@pytest.mark.parametrize("name", ["created_from", "created_to"])
@pytest.mark.parametrize(
    "wrong",
    ["0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01", "0000-01-01", "10000-01-01",
     "2026-13-01", "2026-02-29", "2026-02-30", "2026-01-31T25:00", "2026-01-31T12:60", "2026-01-31T12:00:00+24:00",
     "2026-01-31T12:00:00 01:00", "2026-01-31T12:00:00ZZ", "31.01.2026", "01/31/2026", "2026", "1769860800", "now",
     "today", "yesterday", "infinity", "-infinity", "epoch", "NaN", "x", "\u0662\u066026-01-31",
     "2026-01-31\0", "-2026-01-31"],
)  # fmt: skip
def test_anything_else_is_a_400_that_names_it(admin: Account, name: str, wrong: str) -> None:
    assert at_fault(admin.client, f"{name}={quote(wrong)}") == [name]
