"""How PostgreSQL goes about the list: by index, at some tens of thousands of customers (CONTRACT section 9)."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event

from customers.db import migrate
from customers.features.accounts import search
from customers.config import Settings
from customers.context import Context

ROWS = 30_000
LAST = ROWS - 20
SORTS = [f"{minus}{key}" for key in search.KEYS for minus in ("", "-")]
# As of a shop that has grown: most customers are active, one in a hundred is in a group, every name is another.
FILL = b"""
    INSERT INTO customer_group (group_name) VALUES ('Wholesale');
    INSERT INTO customer (email, password, full_name, status, group_id, created_at, updated_at)
    SELECT 'Customer' || n || '@example.com', 'x', 'Name ' || md5(n::text), (n % 10 <> 0)::int,
           CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END,
           timestamptz '2020-01-01 00:00Z' + n * interval '1 minute',
           timestamptz '2024-01-01 00:00Z' + (n * 7919 % 30000) * interval '1 minute'
      FROM generate_series(1, 30000) AS n;
"""
Filters = dict[str, Any]
FROM, TO = datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 2, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def grown(make_database: Callable[[], str], settings: Settings) -> Iterator[Context]:
    """Return what works on a database of many customers, with statistics."""
    url = make_database()
    ctx = Context.of(replace(settings, database_url=url))
    migrate.apply(ctx.db)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(FILL)
        conn.execute("VACUUM (ANALYZE) customer")
    yield ctx
    ctx.db.close()


def statement(ctx: Context, *, offset: int, sort: str, filters: Filters) -> tuple[str, dict[str, Any]]:
    """Return the statement that a page of the list is read by, as it goes to the database, and its parameters."""
    sent: list[tuple[str, dict[str, Any]]] = []

    def note(_: Any, __: Any, text: str, parameters: dict[str, Any], *___: Any) -> None:
        sent.append((text, parameters))

    with ctx.db.reading() as conn:
        event.listen(conn, "before_cursor_execute", note)
        search.list_page(conn, limit=20, offset=offset, sort=sort, filters=filters)
    ((text, parameters),) = sent
    return text, parameters


def plan(ctx: Context, *, generic: bool, offset: int, sort: str, filters: Filters) -> list[dict[str, Any]]:
    """Return the nodes of the plan of a page, for these values or for any."""
    text, parameters = statement(ctx, offset=offset, sort=sort, filters=filters)
    names = list(parameters)
    prepared = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", text)
    # The types that psycopg sends: of a text none, of a number the smallest that holds it.
    types = [{int: "smallint", datetime: "timestamptz"}.get(type(parameters[name]), "unknown") for name in names]
    url = ctx.settings.database_url
    assert url
    with closing(psycopg.connect(url, autocommit=True)) as conn:
        conn.execute(f"SET plan_cache_mode = force_{'generic' if generic else 'custom'}_plan".encode())
        conn.execute(f"PREPARE page ({', '.join(types)}) AS {prepared}".encode())
        values = sql.SQL(", ").join(sql.Literal(parameters[name]) for name in names)
        found = conn.execute(sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE page ({})").format(values)).fetchone()
    assert found
    return list(nodes(found[0][0]["Plan"]))


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def reads_the_table(found: list[dict[str, Any]]) -> bool:
    return any(node["Node Type"] == "Seq Scan" and node["Relation Name"] == "customer" for node in found)


CASES: dict[str, dict[str, Any]] = {
    "first page": {},
    "last page": {"offset": LAST},
    "page in the first half": {"offset": 10_000},
    "page in the second half": {"offset": 20_000},
    "beyond the last page": {"offset": ROWS + 20},
    "exact address": {"filters": {"email": "customer777@EXAMPLE.com"}},
    "unknown address": {"filters": {"email": "nobody@example.com"}},
    "span of time": {"filters": {"created_from": FROM, "created_to": TO}},
    "few by status": {"filters": {"status": 0}},
    "group": {"filters": {"group_id": 2}},
    "address and status": {"filters": {"email": "customer777@example.com", "status": 1}},
    **{f"first page by {sort}": {"sort": sort} for sort in SORTS},
    "last page by customer_id, descending": {"sort": "-customer_id", "offset": LAST},
}


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
@pytest.mark.parametrize("case", CASES)
def test_no_page_that_an_index_can_give_is_read_from_the_whole_table(grown: Context, case: str, generic: bool) -> None:
    found = plan(grown, generic=generic, **{"offset": 0, "sort": "customer_id", "filters": {}, **CASES[case]})

    assert not reads_the_table(found), json.dumps(found, indent=1)


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
def test_an_address_is_found_by_its_index(grown: Context, generic: bool) -> None:
    found = plan(grown, generic=generic, offset=0, sort="customer_id", filters={"email": "customer1@example.com"})

    assert "customer_email_lower_key" in {node.get("Index Name") for node in found}


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
@pytest.mark.parametrize(
    ("sort", "index"), [("status", "customer_status_idx"), ("-status", "customer_status_descending_idx")]
)
def test_where_ties_are_many_each_direction_has_its_index(grown: Context, sort: str, index: str, generic: bool) -> None:
    """Any other one would leave nine tenths of all customers to be sorted by their ids."""
    for offset in (0, LAST):
        found = plan(grown, generic=generic, offset=offset, sort=sort, filters={})
        assert {node["Index Name"] for node in found if node["Node Type"] == "Index Only Scan"} == {index}


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
@pytest.mark.parametrize("filters", [{"keyword": "ustomer777"}, {"full_name": "c4ca4238a0"}], ids=str)
def test_a_part_of_a_text_is_found_by_trigrams_where_the_server_has_them(
    grown: Context, filters: Filters, generic: bool
) -> None:
    with grown.database.reading() as conn:
        if not conn.exec_driver_sql("SELECT FROM pg_extension WHERE extname = 'pg_trgm'").all():
            pytest.skip("this PostgreSQL comes without pg_trgm; Debian's has it")

    found = plan(grown, generic=generic, offset=0, sort="customer_id", filters=filters)

    assert "customer_search_idx" in {node.get("Index Name") for node in found}
    assert not reads_the_table(found)


def test_a_part_of_a_text_is_found_with_trigrams_and_without(grown: Context) -> None:
    with grown.database.reading() as conn:
        customers, total = search.list_page(conn, limit=20, offset=0, filters={"keyword": "STOMER777@"})

    assert ([customer.email for customer in customers], total) == (["Customer777@example.com"], 1)


def test_the_plan_of_a_scan_is_known_for_what_it_is(grown: Context) -> None:
    """What the other tests look for is there when no index helps."""
    with grown.database.writing() as conn:
        conn.exec_driver_sql("DROP INDEX customer_full_name_lower_idx")
        text = str(search._statement(frozenset(), "full_name")).replace(":limit", "20").replace(":offset", "0")
        found = conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}").scalar_one()
        conn.rollback()

    assert reads_the_table(list(nodes(found[0]["Plan"])))
