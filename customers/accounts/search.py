"""The search for customers: the one statement that is put together at run time, of constant fragments.

Nothing of a request becomes part of a statement: names of filters and orders choose fragments, values are parameters.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

# Filter -> condition. The expressions are those of the indexes in schema.sql.
_CONDITIONS = {
    "keyword": "(lower(email) LIKE lower(:keyword) OR lower(full_name) LIKE lower(:keyword))",
    "email": "lower(email) = lower(:email)",
    "full_name": "lower(full_name) LIKE lower(:full_name)",
    "status": "status = :status",
    "group_id": "group_id = :group_id",
    "created_from": "created_at >= :created_from",
    "created_to": "created_at < :created_to",
}
# Those that look for a part of a text.
_PARTIAL = frozenset({"keyword", "full_name"})

# What the list can be sorted by -> by what expression.
KEYS = {
    "customer_id": "customer_id",
    "email": "lower(email)",
    "full_name": "lower(full_name)",
    "status": "status",
    "created_at": "created_at",
    "updated_at": "updated_at",
}

_COLUMNS = "customer_id, uuid, status, group_id, email, full_name, created_at, updated_at"

# The number of all customers is kept by triggers; others are counted.
_COUNT_ALL = "SELECT coalesce(sum(customers), 0)::bigint AS total FROM customer_counter"
_COUNT = "SELECT count(*) AS total FROM customer WHERE {condition}"

# Whether a replica has replayed the last change of a session's row, and with it all that was committed before. Asked in
# the statement of the list, so that both are of one moment; if it has not, there is no row, and nothing else is run.
_CURRENT = """EXISTS (
           SELECT
             FROM login_session
            WHERE digest = :digest
              AND xmin = CAST(:version AS xid))"""

Page = tuple[Sequence[Row[Any]], int]

# A page in the second half is read from the end, so that the last page is as near as the first. The branch that is not
# taken is not run: its condition names no row. The rows before a page are skipped within the index.
_LIST = """
      WITH totals AS MATERIALIZED (
           {count}),
           forward AS (
           SELECT customer_id
             FROM customer
            WHERE {condition}
              AND (SELECT :offset <= total / 2 FROM totals)
            ORDER BY {order}
            LIMIT :limit
           OFFSET :offset),
           backward AS (
           SELECT customer_id
             FROM customer
            WHERE {condition}
              AND (SELECT :offset > total / 2 AND :offset < total FROM totals)
            ORDER BY {reverse}
            LIMIT (SELECT least(:limit, greatest(total - :offset, 0)) FROM totals)
           OFFSET (SELECT greatest(total - :offset - :limit, 0) FROM totals)),
           page AS (
           SELECT {columns}
             FROM customer
            WHERE customer_id = ANY(ARRAY(SELECT customer_id FROM forward UNION ALL SELECT customer_id FROM backward)))
    SELECT totals.total, {columns}
      FROM totals
      LEFT JOIN page
        ON true
     WHERE {current}
     ORDER BY {order}
"""

# A part of a text is looked for once, for the page and the count together. Materialized, because how many rows match
# cannot be foreseen: a plan that hopes to find the page's rows early would read the whole table when there are few.
_SEARCH = """
      WITH matched AS MATERIALIZED (
           SELECT customer_id, {key} AS key
             FROM customer
            WHERE {condition}),
           page AS (
           SELECT {columns}
             FROM customer
            WHERE customer_id = ANY(ARRAY(
                  SELECT customer_id
                    FROM matched
                   ORDER BY {matched_order}
                   LIMIT :limit
                  OFFSET :offset)))
    SELECT totals.total, {columns}
      FROM (SELECT count(*) AS total
              FROM matched) AS totals
      LEFT JOIN page
        ON true
     WHERE {current}
     ORDER BY {order}
"""


def where(filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the condition that filters make, and its parameters. Without filters it is true."""
    values = {name: f"%{_literal(value)}%" if name in _PARTIAL else value for name, value in filters.items()}
    return _condition(frozenset(filters)), values


def _literal(part: str) -> str:
    r"""Return a part of a text as LIKE takes it: ``%``, ``_`` and ``\`` mean themselves."""
    return part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _condition(names: Iterable[str]) -> str:
    return " AND ".join(_CONDITIONS[name] for name in sorted(names)) or "true"


@functools.lru_cache(maxsize=1000)
def _statement(names: frozenset[str], sort: str, current: str = "true") -> TextClause:
    """Return the statement for these filters, sorted by a key, descending if it has a leading minus.

    It has no row if ``current`` is false.
    """
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    template = _SEARCH if names & _PARTIAL else _LIST
    condition = _condition(names)
    return text(
        template.format(
            count=_COUNT.format(condition=condition) if names else _COUNT_ALL,
            condition=condition,
            key=KEYS[name],
            order=_order(KEYS[name], descending=descending),
            reverse=_order(KEYS[name], descending=not descending, ids="DESC"),
            matched_order=_order("key", descending=descending),
            columns=_COLUMNS,
            current=current,
        )
    )


def _order(key: str, *, descending: bool, ids: str = "ASC") -> str:
    """Return what to sort by: the key, and the id where keys are equal. Rows without a value come last, or first."""
    if key == KEYS["customer_id"]:
        return f"customer_id {'DESC' if descending else 'ASC'}"
    return f"{key} {'DESC' if descending else 'ASC'}, customer_id {ids}"


def list_page(
    conn: Connection, *, limit: int, offset: int, sort: str = "customer_id", filters: Mapping[str, Any] | None = None
) -> Page:
    """Return a page of the customers that the filters leave, sorted by one of KEYS, and how many they leave in all."""
    _, values = where(filters or {})
    statement = _statement(frozenset(filters or ()), sort)
    return _page(conn.execute(statement, {**values, "limit": limit, "offset": offset}).all())


def list_page_of_replica(
    conn: Connection,
    *,
    digest: bytes,
    version: str,
    limit: int,
    offset: int,
    sort: str,
    filters: Mapping[str, Any] | None,
) -> Page | None:
    """As list_page(); None if this replica does not have this version of a session's row (as sessions.sql has it)."""
    _, values = where(filters or {})
    statement = _statement(frozenset(filters or ()), sort, _CURRENT)
    values |= {"limit": limit, "offset": offset, "digest": digest, "version": version}
    rows = conn.execute(statement, values).all()
    return _page(rows) if rows else None


def _page(rows: Sequence[Row[Any]]) -> Page:
    """Return the customers among the rows of a page, which has at least one, and the total that each row tells."""
    return [row for row in rows if row.customer_id is not None], rows[0].total
