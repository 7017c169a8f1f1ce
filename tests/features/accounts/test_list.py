"""The list of customers: pages, filters, orders. What a parameter may be: test_schemas.py."""

import itertools
import random
from functools import partial
from typing import Any

import pytest

from customers.features.accounts import search
from tests.conftest import Account
from tests.support.builders import group_of
from tests.support.database import Db
from tests.support.rows import LIST, add, ids


def test_without_parameters_it_is_the_first_page_of_20(admin: Account, db: Db) -> None:
    empty = admin.client.get(LIST).get_json()
    added = [add(db) for _ in range(21)]

    answer = admin.client.get(LIST).get_json()

    meta = {"current_page": 1, "from": 1, "last_page": 2, "path": LIST, "per_page": 20, "to": 20, "total": 21}
    links = {"first": f"{LIST}?page=1", "last": f"{LIST}?page=2", "prev": None, "next": f"{LIST}?page=2"}
    assert [item["customer_id"] for item in answer["data"]] == added[:20]
    assert (answer["meta"], answer["links"]) == (meta, links)
    meta |= {"from": None, "to": None, "total": 0, "last_page": 1}
    assert empty == {"data": [], "links": {**links, "last": links["first"], "next": None}, "meta": meta}


def test_links_keep_the_other_parameters_around_and_beyond_the_last_page(admin: Account, db: Db) -> None:
    for number in range(5):
        add(db, full_name=f"Müller & {number}+")
    kept = "&keyword=m%C3%BCller+%26&sort=-customer_id&limit=2&created_from=2020-01-01T00%3A00%3A00%2B01%3A00"

    middle, beyond = (admin.client.get(f"{LIST}?page={page}{kept}").get_json() for page in (2, 7))

    assert [item["full_name"] for item in middle["data"]] == ["Müller & 2+", "Müller & 1+"]
    ends = {"first": f"{LIST}?page=1{kept}", "last": f"{LIST}?page=3{kept}"}
    assert middle["links"] == {**ends, "prev": f"{LIST}?page=1{kept}", "next": f"{LIST}?page=3{kept}"}
    assert beyond["links"] == {**ends, "prev": f"{LIST}?page=3{kept}", "next": None}
    assert (beyond["data"], beyond["meta"]["current_page"], beyond["meta"]["total"]) == ([], 7, 5)


# A filter and a value -> what a customer has that it leaves, and what one has that it does not leave.
CASES: list[tuple[str, str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("keyword", " nEEdle ",
     [{"email": "x-NEEDLE-x@example.com", "full_name": "Ann"}, {"email": "a@needle.example.com", "full_name": None},
      {"full_name": "aNeeDLEb"}],
     [{"email": "need@le.example.com", "full_name": "Need Le"}]),
    *((name, sign, [{"full_name": f"x{sign}y"}],
       [{"full_name": other} for other in ("abc", "aXc", "xy", "x1y", "x/y", "\\x", None) if sign not in (other or "")])
      for name in ("keyword", "full_name")
      for sign in ("%", "_", "\\", "\\%", "%_", "\\\\", "a%c", "a_c", "'", '"', "$1", ":email", "{0}")),
    ("keyword", "n_b", [{"email": "ann_b@example.com"}], [{"email": "ann.b@example.com"}]),
    ("full_name", "LLER", [{"full_name": "Müller-ÉTÉ"}],
     [{"email": "ller@example.com", "full_name": "Ann"}, {"full_name": None}]),
    ("full_name", "e\u0301", [{"full_name": "Été"}], [{"full_name": "ete"}]),
    ("keyword", "zu\u0308rich", [{"full_name": "Zürich"}], [{"full_name": "Zurich"}]),
    ("email", "Ann@EXAMPLE.com", [{"email": "aNN@example.com"}],
     [{"email": "ann@example.com.au"}, {"email": "nn@example.com"}]),
    ("email", "%@example.com", [], [{"email": "ann@example.com"}]),
    *((name, attack, [], [{"email": "ann@example.com"}])
      for name in ("email", "keyword", "full_name")
      for attack in ("' OR '1'='1", "'; DELETE FROM customer; --", "x') OR true OR email LIKE ('%", "%(email)s")),
    ("status", "0", [{"status": 0}], [{"status": 1}]),
    ("group_id", "1", [{"group_id": 1}], [{"group_id": None}]),
    ("group_id", str(2**31 - 1), [], [{}, {"group_id": None}]),
    ("created_from", "2026-01-31T13:00:00+01:00",
     [{"created_at": "2026-01-31 12:00:00Z"}, {"created_at": "2026-01-31 12:00:00.000001Z"}],
     [{"created_at": "2026-01-31 11:59:59.999999Z"}, {"created_at": None}]),
    ("created_to", "2026-03-01", [{"created_at": "2026-02-28 23:59:59.999999Z"}],
     [{"created_at": "2026-03-01 00:00:00Z"}, {"created_at": None}]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "fits", "fits_not"), CASES)
def test_a_filter_leaves_those_it_describes(
    admin: Account, db: Db, name: str, value: str, fits: list[dict[str, Any]], fits_not: list[dict[str, Any]]
) -> None:
    kept = [add(db, **row) for row in fits]
    for row in fits_not:
        add(db, **row)

    assert ids(admin.client, **{name: value}) == kept


SORTS = [f"{minus}{key}" for key in search.KEYS for minus in ("", "-")]
FILTERS: list[dict[str, Any]] = [{}, {"status": 1, "full_name": "Ann"}]
# Twice the offset of the last but one is more than an int of the database holds.
PAGES = [(7, 1), (7, 2), (10, 6), (100, 1), (1, 57), (1, 58), (19, 3), (19, 4), (1, 2**30 + 2), (99, 2**31 // 99)]


def test_any_page_is_what_a_plain_sort_of_all_rows_gives(admin: Account, db: Db) -> None:
    """With ties and nulls in all that may be sorted by, as an existing shop has them."""
    chance = random.Random(4)
    group = group_of(admin)["customer_group_id"]
    for number in chance.sample(range(100, 1000), 57):
        add(
            db,
            email=f"{chance.choice('xX')}{number}@example.com",
            full_name=chance.choice([None, "Ann", "ann", "Bob", "Zoe", "Mia"]),
            status=chance.choice([0, 1, 1]),
            group_id=chance.choice([None, 1, group]),
            created_at=chance.choice([None, "2026-01-01Z", "2026-01-02Z", "2026-01-03 10:00Z"]),
            updated_at=chance.choice([None, "2026-01-01Z", "2026-02-02Z"]),
        )
    rows = db.all("SELECT * FROM customer ORDER BY customer_id")

    for filters, sort in itertools.product(FILTERS, SORTS):
        left = [row for row in rows if not filters or (row["status"] == 1 and row["full_name"] in ("Ann", "ann"))]
        left.sort(key=partial(in_order, sort.removeprefix("-")), reverse=sort.startswith("-"))
        for limit, page in PAGES:
            query = {**filters, "sort": sort, "limit": limit, "page": page}
            answer = admin.client.get(LIST, query_string=query).get_json()
            offset = (page - 1) * limit
            wanted = [row["customer_id"] for row in left[offset : offset + limit]]
            assert [item["customer_id"] for item in answer["data"]] == wanted, query
            ends = (offset + 1, offset + len(wanted)) if wanted else (None, None)
            meta = answer["meta"]
            assert (meta["from"], meta["to"], meta["total"]) == (*ends, len(left)), query


def in_order(key: str, row: dict[str, Any]) -> tuple[bool, Any]:
    """Return what to sort by: nulls are the largest, and a stable sort leaves ties by ascending id."""
    value = row[key]
    return value is None, value.lower() if isinstance(value, str) else value or 0
