"""Pages of what filters leave, in every order: nobody is missed, nobody is shown twice (CONTRACT sections 4 and 9)."""

import itertools
import random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import event

from customers.features.accounts import search
from customers.context import Context
from tests.conftest import Account
from tests.support.database import Db
from tests.support.rows import LIST, add, add_group

SORTS = [f"{minus}{key}" for key in search.KEYS for minus in ("", "-")]
# With `keyword` the statement is of another form; all of the rows below have this part in their address.
EVERYBODY = [{}, {"keyword": "@example"}, {"created_to": "2030-01-01"}, {"full_name": "a"}]
Rows = list[dict[str, Any]]


@pytest.fixture
def rows(db: Db, admin: Account) -> Rows:
    """Return customers with ties and nulls in all that may be sorted by, as an existing shop has them."""
    chance = random.Random(4)
    group = add_group(db, "Wholesale")
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

    return sorted(sorted(rows, key=lambda row: row["customer_id"]), key=value, reverse=descending)


def left_by(rows: Rows, filters: dict[str, Any]) -> Rows:
    """Return the rows that filters leave."""
    checks: dict[str, Any] = {
        "keyword": lambda row, part: part in row["email"].lower() or part in (row["full_name"] or "").lower(),
        "email": lambda row, whole: row["email"].lower() == whole.lower(),
        "full_name": lambda row, part: part in (row["full_name"] or "").lower(),
        "status": lambda row, status: row["status"] == status,
        "group_id": lambda row, group: row["group_id"] == group,
        "created_from": lambda row, day: row["created_at"] is not None and f"{row['created_at']:%Y-%m-%d}" >= day,
        "created_to": lambda row, day: row["created_at"] is not None and f"{row['created_at']:%Y-%m-%d}" < day,
    }
    return [row for row in rows if all(checks[name](row, value) for name, value in filters.items())]


def ids(found: Rows) -> list[int]:
    return [row["customer_id"] for row in found]


@pytest.mark.parametrize("everybody", EVERYBODY, ids=lambda filters: "".join(filters) or "all")
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [4, 19])
def test_whoever_follows_next_meets_everybody_once(
    admin: Account, rows: Rows, sort: str, everybody: dict[str, str], limit: int
) -> None:
    wanted = ids(in_order(left_by(rows, everybody), sort))
    path: str | None = f"{LIST}?sort={sort}&limit={limit}"
    for name, value in everybody.items():
        path = f"{path}&{name}={value}"
    met: list[int] = []
    back: list[str | None] = []

    while path:
        answer = admin.client.get(path).get_json()
        assert answer["meta"]["from"] == len(met) + 1
        met += ids(answer["data"])
        assert (answer["meta"]["to"], answer["meta"]["total"]) == (len(met), len(wanted))
        assert answer["meta"]["last_page"] == -(-len(wanted) // limit)
        back.append(answer["links"]["prev"])
        path = answer["links"]["next"]

    assert met == wanted
    assert len(back) == answer["meta"]["last_page"]
    assert [dict(parse_qsl(urlsplit(link or "").query)).get("page") for link in back[1:]] == [
        str(page) for page in range(1, len(back))
    ]


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "keyword": st.sampled_from(["a", "B", "@example", "nn", "cd", "nobody", "o"]).map(str.lower),
        "email": st.sampled_from(["ABC@example.com", "nobody@example.com"]),
        "full_name": st.sampled_from(["a", "nn", "zoe", "x"]),
        "status": st.sampled_from([0, 1]),
        "group_id": st.just(1),
        "created_from": st.sampled_from(["2026-01-01", "2026-01-02", "2027-01-01"]),
        "created_to": st.sampled_from(["2026-01-02", "2026-01-03", "2026-01-04"]),
    },
)


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    filters=st.just({}) | FILTERS,
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 100),
    page=st.integers(1, 60) | st.sampled_from([1000, 2**31 - 1]),
)
def test_any_page_is_what_a_plain_sort_of_all_rows_gives(
    admin: Account, rows: Rows, filters: dict[str, Any], sort: str, limit: int, page: int
) -> None:
    left = ids(in_order(left_by(rows, filters), sort))
    offset = (page - 1) * limit
    wanted = left[offset : offset + limit]
    last = max(1, -(-len(left) // limit))

    response = admin.client.get(LIST, query_string={**filters, "sort": sort, "limit": limit, "page": page})

    answer = response.get_json()
    assert ids(answer["data"]) == wanted
    assert answer["meta"] == {
        "current_page": page,
        "from": offset + 1 if wanted else None,
        "last_page": last,
        "path": LIST,
        "per_page": limit,
        "to": offset + len(wanted) if wanted else None,
        "total": len(left),
    }
    assert (answer["links"]["next"] is None) == (page >= last)
    assert (answer["links"]["prev"] is None) == (page == 1)


@pytest.mark.parametrize("limit", [1, 2, 7, 99, 100])
def test_no_page_is_too_far_for_the_arithmetic(admin: Account, rows: Rows, limit: int) -> None:
    """Twice the offset is more than an int of the database holds, long before the offset is."""
    for page in (2**30 // limit + 2, (2**31 - 1) // limit, 2**31 - 1):
        answer = admin.client.get(LIST, query_string={"limit": limit, "page": page}).get_json()
        assert (answer["data"], answer["meta"]["total"]) == ([], len(rows))


QUERIES: list[dict[str, str]] = [
    {"keyword": "a&page=7&b=c"},
    {"keyword": "50%"},
    {"keyword": "a+b c"},
    {"keyword": "Jürgen 山田 😀"},
    {"full_name": "#?/=;'\"<>\\"},
    {"email": "a+tag@example.com"},
    {"created_from": "2026-01-31T12:00:00+01:00", "created_to": "2027-01-01"},
    {
        "keyword": "x",
        "email": "y",
        "full_name": "z",
        "status": "1",
        "group_id": "1",
        "sort": "-full_name",
        "limit": "3",
    },
]


@pytest.mark.parametrize("query", QUERIES, ids="-".join)
def test_links_keep_every_filter_and_are_themselves_valid(admin: Account, query: dict[str, str]) -> None:
    links = admin.client.get(LIST, query_string={"page": 3, **query}).get_json()["links"]

    for name in ("first", "last", "prev"):
        assert dict(parse_qsl(urlsplit(links[name]).query, strict_parsing=True)) == {"page": "1", **query}
        assert links[name].isascii()
        assert not set(links[name]) & set(" \"<>\\^`{|}#'")
        assert admin.client.get(links[name]).get_json()["links"] == {**links, "prev": None}


def test_a_next_link_keeps_them_too(admin: Account, db: Db) -> None:
    for number in range(3):
        add(db, full_name=f"Müller & {number}+")

    following = admin.client.get(LIST, query_string={"keyword": "müller &", "sort": "-customer_id", "limit": 1})

    path = following.get_json()["links"]["next"]
    assert path == "/api/customers?page=2&keyword=m%C3%BCller+%26&sort=-customer_id&limit=1"
    assert [row["full_name"] for row in admin.client.get(path).get_json()["data"]] == ["Müller & 1+"]


@pytest.mark.parametrize("query", [*EVERYBODY, {"sort": "-email", "page": "3", "limit": "20", "status": "1"}], ids=str)
def test_a_filtered_read_costs_two_statements_as_well(
    ctx: Context, admin: Account, rows: Rows, query: dict[str, str]
) -> None:
    statements: list[str] = []
    engine = ctx.db.reading().__enter__().engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    admin.client.get(LIST, query_string=query)

    assert len(statements) == 2
