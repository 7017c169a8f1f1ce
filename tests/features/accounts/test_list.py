"""The list of customers: pages, filters, orders. What a parameter may be: test_schemas.py."""

import itertools
import random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from customers.features.accounts import search
from tests.conftest import Account
from tests.support.builders import group_of
from tests.support.database import Db
from tests.support.rows import LIST, add, ids

Rows = list[dict[str, Any]]


def test_without_parameters_it_is_the_first_page_of_20(admin: Account, db: Db) -> None:
    empty = admin.client.get(LIST).get_json()
    added = [add(db) for _ in range(21)]

    answer = admin.client.get(LIST).get_json()

    meta = {"current_page": 1, "from": 1, "last_page": 2, "path": LIST, "per_page": 20, "to": 20, "total": 21}
    assert ([item["customer_id"] for item in answer["data"]], answer["meta"]) == (added[:20], meta)
    links = {"first": f"{LIST}?page=1", "last": f"{LIST}?page=1", "prev": None, "next": None}
    meta |= {"from": None, "to": None, "total": 0, "last_page": 1}
    assert empty == {"data": [], "links": links, "meta": meta}


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
    ("full_name", "é", [{"full_name": "Müller-ÉTÉ"}], [{"full_name": "ete"}]),
    ("full_name", "e\u0301", [{"full_name": "Été"}], [{"full_name": "ete"}]),
    ("keyword", "zu\u0308rich", [{"full_name": "Zürich"}], [{"full_name": "Zurich"}]),
    ("email", "Ann@EXAMPLE.com", [{"email": "aNN@example.com"}],
     [{"email": "ann@example.com.au"}, {"email": "nn@example.com"}]),
    ("email", "%@example.com", [], [{"email": "ann@example.com"}]),
    ("email", "a_n@example.com", [], [{"email": "ann@example.com"}]),
    *((name, attack, [], [{"email": "ann@example.com"}])
      for name in ("email", "keyword", "full_name")
      for attack in ("' OR '1'='1", "'; DELETE FROM customer; --", "x') OR true OR email LIKE ('%", "%(email)s")),
    ("status", "0", [{"status": 0}], [{"status": 1}]),
    ("status", "1", [{"status": 1}], [{"status": 0}]),
    ("group_id", "1", [{"group_id": 1}], [{"group_id": None}]),
    ("group_id", str(2**31 - 1), [], [{}, {"group_id": None}]),
    ("created_from", "2026-01-31T13:00:00+01:00",
     [{"created_at": "2026-01-31 12:00:00Z"}, {"created_at": "2026-01-31 12:00:00.000001Z"}],
     [{"created_at": "2026-01-31 11:59:59.999999Z"}, {"created_at": None}]),
    ("created_to", "2026-03-01", [{"created_at": "2026-02-28 23:59:59.999999Z"}],
     [{"created_at": "2026-03-01 00:00:00Z"}, {"created_at": None}]),
    ("created_from", "0001-01-01", [{}, {"created_at": "infinity"}],
     [{"created_at": "-infinity"}, {"created_at": None}]),
    ("created_to", "9999-12-31", [{}], [{"created_at": "infinity"}, {"created_at": None}]),
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


@pytest.fixture
def rows(db: Db, admin: Account) -> Rows:
    """Return customers with ties and nulls in all that may be sorted by, as an existing shop has them."""
    chance = random.Random(4)
    group = group_of(admin)["customer_group_id"]
    locals_ = ["".join(letters) for letters in itertools.product("abcd", repeat=3)]
    chance.shuffle(locals_)
    for local in locals_[:57]:
        add(
            db,
            email=f"{chance.choice([local, local.upper()])}@example.com",
            full_name=chance.choice([None, "Ann", "ann", "Bob", "Zoe", "Mia"]),
            status=chance.choice([0, 1, 1]),
            group_id=chance.choice([None, 1, group]),
            created_at=chance.choice([None, "2026-01-01Z", "2026-01-02Z", "2026-01-03 10:00Z"]),
            updated_at=chance.choice([None, "2026-01-01Z", "2026-02-02Z"]),
        )
    return db.all("SELECT * FROM customer ORDER BY customer_id")


def in_order(rows: Rows, sort: str) -> Rows:
    """Return rows as the list must sort them: nulls as the largest, ties by ascending id in both directions."""
    key, descending = sort.removeprefix("-"), sort.startswith("-")

    def value(row: dict[str, Any]) -> tuple[bool, Any]:
        found = row[key].lower() if isinstance(row[key], str) else row[key]
        return (found is None, 0 if found is None else found)

    return sorted(rows, key=value, reverse=descending)


FILTERS = {"status": st.sampled_from([0, 1]), "group_id": st.just(1), "full_name": st.just("Ann")}


@settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    filters=st.just({}) | st.fixed_dictionaries({}, optional=FILTERS),
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 100),
    page=st.integers(1, 60) | st.sampled_from([1000, 2**30 // 7 + 2, (2**31 - 1) // 7, 2**31 - 1]),
)
# Twice the offset is more than an int of the database holds, long before the offset is.
@example(filters={}, sort="email", limit=1, page=2**30 + 2)
@example(filters={"status": 1}, sort="-email", limit=99, page=2**31 // 99)
def test_any_page_is_what_a_plain_sort_of_all_rows_gives(
    admin: Account, rows: Rows, filters: dict[str, Any], sort: str, limit: int, page: int
) -> None:
    # "Ann" is in no other name; as every text, it is found in any case.
    lowered = {name: str(value).lower() for name, value in filters.items()}
    left = [
        row["customer_id"]
        for row in in_order(rows, sort)
        if all(str(row[name]).lower() == value for name, value in lowered.items())
    ]
    offset = (page - 1) * limit
    wanted = left[offset : offset + limit]
    last = max(1, -(-len(left) // limit))

    answer = admin.client.get(LIST, query_string={**filters, "sort": sort, "limit": limit, "page": page}).get_json()

    assert [item["customer_id"] for item in answer["data"]] == wanted
    assert answer["meta"] == {
        "current_page": page, "from": offset + 1 if wanted else None, "last_page": last, "path": LIST,
        "per_page": limit, "to": offset + len(wanted) if wanted else None, "total": len(left),
    }  # fmt: skip
    links = {name: link and dict(parse_qsl(urlsplit(link).query))["page"] for name, link in answer["links"].items()}
    previous = str(min(page - 1, last)) if page > 1 else None
    following = str(page + 1) if page < last else None
    assert links == {"first": "1", "last": str(last), "prev": previous, "next": following}
