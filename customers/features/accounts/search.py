"""The list of customers: the statements that are put together at run time, of constant fragments.

Nothing of a request becomes part of a statement: names of filters and orders choose fragments, values are parameters.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import TextClause, text

from customers.config import Settings
from customers.db.documents import Page
from customers.db.engine import Database
from customers.security import sessions
from customers.security.callers import Caller, Claim

# Filter -> condition. The expressions are those of the indexes in schema.sql.
_CONDITIONS = {
    "keyword": "(customers_fold(email) LIKE customers_fold(:keyword)"
    " OR customers_fold(full_name) LIKE customers_fold(:keyword))",
    "email": "customers_fold(email) = customers_fold(:email)",
    "full_name": "customers_fold(full_name) LIKE customers_fold(:full_name)",
    "status": "status = :status",
    "group_id": "group_id = :group_id",
    "created_from": "created_at >= :created_from",
    "created_to": "created_at < :created_to",
}
# Those that look for a part of a text.
_PARTIAL = frozenset({"keyword", "full_name"})

# What the list can be sorted by -> by what expression.
KEYS = {
    "customer_id": "customer.customer_id",
    "email": "customers_fold(customer.email)",
    "full_name": "customers_fold(customer.full_name)",
    "status": "customer.status",
    "created_at": "customer.created_at",
    "updated_at": "customer.updated_at",
}

# The number of all customers is kept by triggers; others are counted.
_COUNT_ALL = "SELECT coalesce(sum(customers), 0) FROM customer_counter"
_COUNT = "SELECT count(*) FROM customer WHERE {condition}"

# The admin who is calling, how many customers there are, and on the first page these customers.
_TOTAL = """
    SELECT {admin}, CAST(({count}) AS bigint) AS total
      FROM {session}
"""
_FIRST_PAGE = """
    SELECT {admin}, CAST(({count}) AS bigint) AS total, page.size, page.body
      FROM {session}
      LEFT JOIN LATERAL ({page}) AS page
        ON true
"""
_ADMIN = {"admin": sessions.ADMIN, "session": sessions.ADMIN_SESSION}
_PAGE = """
           SELECT count(*) AS size, CAST(coalesce(json_agg(answer), '[]') AS text) AS body
             FROM (SELECT customer_id, uuid, status, group_id, email, full_name,
                          customers_time(created_at) AS created_at, customers_time(updated_at) AS updated_at
                     FROM {source}
                    ORDER BY {order}) AS answer
"""
# Where the rows of a page come from. LIMIT is a number and no parameter: PostgreSQL would guess that an unknown limit
# is a tenth of the table, and plan the statement anew each time. Rows before a page are skipped within the index.
_FIRST = """(
                          SELECT customer_id, uuid, status, group_id, email, full_name, created_at, updated_at
                            FROM {all}
                           ORDER BY {inner_order}
                           LIMIT {limit}) AS customer"""
_LATER = """customer
                    WHERE customer_id = ANY(ARRAY(
                          SELECT customer_id
                            FROM {all}
                           ORDER BY {inner_order}
                           LIMIT {limit}
                          OFFSET :offset))"""
_ALL = "customer WHERE {condition}"
# Materialized, because how many rows hold a part of a text cannot be foreseen: a plan that hopes to find the page's
# rows early would read the whole table when there are few.
_MATCHED = """(
                          WITH matched AS MATERIALIZED (
                               SELECT customer_id, uuid, status, group_id, email, full_name, created_at, updated_at
                                 FROM customer
                                WHERE {condition})
                          SELECT customer_id, uuid, status, group_id, email, full_name, created_at, updated_at
                            FROM matched) AS customer"""


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
def _total_statement(names: frozenset[str]) -> TextClause:
    return text(_TOTAL.format(**_ADMIN, count=_count(names)))


@functools.lru_cache(maxsize=1000)
def _first_page_statement(names: frozenset[str], sort: str, limit: int) -> TextClause:
    return text(_FIRST_PAGE.format(**_ADMIN, count=_count(names), page=_page(names, sort, limit, _FIRST)))


@functools.lru_cache(maxsize=1000)
def _later_page_statement(names: frozenset[str], sort: str, limit: int, *, backwards: bool) -> TextClause:
    return text(_page(names, sort, limit, _LATER, backwards=backwards))


def _count(names: frozenset[str]) -> str:
    return _COUNT.format(condition=_condition(names)) if names else _COUNT_ALL


def _page(names: frozenset[str], sort: str, limit: int, template: str, *, backwards: bool = False) -> str:
    """Return the statement of a page for these filters, sorted by a key, descending if it has a leading minus.

    ``backwards`` counts the rows to skip from the end.
    """
    key, descending = KEYS[sort.removeprefix("-")], sort.startswith("-")
    order = _order(key, descending=descending)
    inner_order = _order(key, descending=not descending, ids="DESC") if backwards else order
    every = (_MATCHED if names & _PARTIAL else _ALL).format(condition=_condition(names))
    source = template.format(all=every, inner_order=inner_order, limit=int(limit))
    return _PAGE.format(source=source, order=order)


def _order(key: str, *, descending: bool, ids: str = "ASC") -> str:
    """Return what to sort by: the key, and the id where keys are equal. Rows without a value come last, or first."""
    direction = "DESC" if descending else "ASC"
    return f"{key} {direction}" + ("" if key == KEYS["customer_id"] else f", customer.customer_id {ids}")


def read_page(
    db: Database, settings: Settings, claim: Claim, *, number: int, limit: int, sort: str, filters: Mapping[str, Any]
) -> tuple[Caller, Page | None]:
    """Return who is calling, and for an admin a page of the customers that the filters leave, sorted by one of KEYS.

    The first page is one statement. Later pages are two: the total first, because a page in the second half is read
    from the end, so that the last page is as near as the first. Raises NotAuthenticated for a header that names no
    session.
    """
    _, values = where(filters)
    names = frozenset(filters)
    asked = {"admin_digest": claim.admin_digest, "recent_login": settings.recent_login, **values}
    statement = _first_page_statement(names, sort, limit) if number == 1 else _total_statement(names)
    row = db.one_or_none(statement, asked)
    if row is None:
        return sessions.identify(db, settings, claim), None
    account, (total, *page) = row[:7], row[7:]
    caller = sessions.know(db, settings, claim, claim.admin_digest, account)
    if page:
        size, body = page
        return caller, Page(body, size, total, number, limit)
    offset = (number - 1) * limit
    if offset >= total:
        return caller, Page("[]", 0, total, number, limit)
    backwards = offset > total / 2
    on_page = min(limit, total - offset)
    statement = _later_page_statement(names, sort, on_page if backwards else limit, backwards=backwards)
    skipped = total - offset - on_page if backwards else offset
    size, body = db.one(statement, {**values, "offset": skipped})
    return caller, Page(body, size, total, number, limit)
