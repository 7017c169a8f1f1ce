"""How PostgreSQL goes about the list: by index, at some tens of thousands of customers."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import TextClause
from sqlalchemy.dialects import postgresql

from customers.features.accounts import search
from tests.support.shops import with_schema

ROWS = 30_000
LAST = ROWS // 20
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
Nodes = list[dict[str, Any]]
FROM, TO = datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 2, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def grown(make_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    """Return a connection to a database of many customers, with statistics."""
    with psycopg.connect(with_schema(make_database()), autocommit=True) as conn:
        conn.execute(FILL)
        conn.execute("VACUUM (ANALYZE) customer")
        yield conn


def statements(page: int, sort: str, filters: Filters) -> list[tuple[TextClause, dict[str, Any]]]:
    """Return the statements that a page of the list is read by, and their parameters."""
    _, values = search.where(filters)
    names = frozenset(filters)
    asked = {"admin_digest": b"x" * 32, "recent_login": 900, **values}
    if page == 1:
        return [(search._first_page_statement(names, sort, 20), asked)]
    backwards = page > LAST / 2
    later = search._later_page_statement(names, sort, 20, backwards=backwards)
    offset = ROWS - page * 20 if backwards else (page - 1) * 20
    return [(search._total_statement(names), asked), (later, {**values, "offset": offset})]


def plan(conn: psycopg.Connection, page: int = 1, sort: str = "customer_id", **filters: Any) -> Nodes:
    """Return the nodes of the plans of a page: for these values and, but for a status, for any."""
    modes = ("custom",) if "status" in filters and "email" not in filters else ("custom", "generic")
    found: Nodes = []
    for statement, values in statements(page, sort, filters):
        compiled = str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        used = {name: value for name, value in values.items() if f"%({name})s" in compiled}
        for number, name in enumerate(used, 1):
            compiled = compiled.replace(f"%({name})s", f"${number}")
        parameters = sql.SQL(", ").join(sql.Literal(value) for value in used.values())
        conn.execute(f"PREPARE page AS {compiled}".encode())
        for mode in modes:
            conn.execute(f"SET plan_cache_mode = force_{mode}_plan".encode())
            explained = conn.execute(sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE page ({})").format(parameters)).fetchone()
            assert explained
            found += nodes(explained[0][0]["Plan"])
        conn.execute("DEALLOCATE page")
    return found


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def reads_the_table(found: Nodes) -> bool:
    return any(node["Node Type"] == "Seq Scan" and node["Relation Name"] == "customer" for node in found)


CASES: dict[str, dict[str, Any]] = {
    "last page": {"page": LAST},
    "page in the first half": {"page": 500},
    "page in the second half": {"page": 1000},
    "whole e-mail": {"email": "customer777@EXAMPLE.com"},
    "span of time": {"created_from": FROM, "created_to": TO},
    "few by status": {"status": 0},  # of any status there may be many to count
    "group": {"group_id": 2},
    "e-mail and status": {"email": "customer777@example.com", "status": 1},
    **{f"first page by {sort}": {"sort": sort} for sort in SORTS},
    "last page by customer_id, descending": {"sort": "-customer_id", "page": LAST},
}


@pytest.mark.parametrize("case", CASES)
def test_no_page_that_an_index_can_give_is_read_from_the_whole_table(grown: psycopg.Connection, case: str) -> None:
    found = plan(grown, **CASES[case])

    assert not reads_the_table(found), json.dumps(found, indent=1)


@pytest.mark.parametrize("sort", ["status", "-status"])
def test_where_ties_are_many_each_direction_has_its_index(grown: psycopg.Connection, sort: str) -> None:
    """Any other one would leave nine tenths of all customers to be sorted by their ids."""
    index = "customer_status_descending_idx" if sort == "-status" else "customer_status_idx"
    for page in (500, LAST):
        found = plan(grown, page, sort)
        assert {node["Index Name"] for node in found if node["Node Type"] == "Index Only Scan"} == {index}


@pytest.mark.parametrize("filters", [{"keyword": "ustomer777"}, {"full_name": "c4ca4238a0"}], ids=str)
def test_a_part_of_a_text_is_found_by_trigrams_where_the_server_has_them(
    grown: psycopg.Connection, filters: Filters
) -> None:
    if not grown.execute("SELECT FROM pg_extension WHERE extname = 'pg_trgm'").fetchall():
        pytest.skip("this PostgreSQL comes without pg_trgm; Debian's has it")

    found = plan(grown, **filters)

    assert "customer_search_idx" in {node.get("Index Name") for node in found}
    assert not reads_the_table(found)
