"""Exporting customers: the rows of one statement, so of one moment of the database, in constant memory."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from sqlalchemy import text

from customers.bulk.files import guard
from customers.context import Context
from customers.db.engine import driver
from customers.features.accounts import search
from customers.features.groups.sql import DEFAULT
from customers.security import hashing, trail
from customers.security.callers import OPERATOR

_CHUNK = 1000  # rows


def _time(column: str) -> str:
    """Return an expression for a time in ISO 8601, to the microsecond; null if it cannot be written so."""
    return (
        f"CASE WHEN customers_time({column}) <> '' THEN to_char({column}, 'YYYY-MM-DD\"T\"HH24\\:MI\\:SS.US\"Z\"') END"
    )


# Put together at run time like the list's, of the same conditions. The oldest first, and then by e-mail: an order that
# is the same for the same customers in every database. A customer without a group belongs to the default one.
_EXPORT = """
    SELECT uuid, email, full_name, status,
           (SELECT group_name FROM customer_group WHERE customer_group_id = coalesce(group_id, {default})) AS "group",
           {created_at} AS created_at, {updated_at} AS updated_at,
           CAST(nullif(meta_data, '{{}}') AS text) AS meta_data{more}
      FROM customer
     WHERE {condition}
     ORDER BY customer.created_at, customers_fold(email) COLLATE "C"
"""
_HASH = ", password AS password_hash"
_ADDRESSES = """,
           coalesce((SELECT json_agg(json_build_object(
                                'uuid', uuid, 'full_name', full_name, 'telephone', telephone, 'address_1', address_1,
                                'address_2', address_2, 'city', city, 'province', province, 'country', country,
                                'postcode', postcode, 'is_default', coalesce(is_default, false),
                                'created_at', {created_at}, 'updated_at', {updated_at})
                            ORDER BY customer_address_id)
                       FROM customer_address
                      WHERE customer_address.customer_id = customer.customer_id), '[]') AS addresses"""
_FRAGMENTS = {"created_at": _time("created_at"), "updated_at": _time("updated_at"), "default": DEFAULT}


def write(ctx: Context, out: BinaryIO, kind: str, filters: Mapping[str, Any], *, with_hashes: bool) -> None:
    """Write the customers that the filters leave: as "csv" with a header, or as "ndjson" with their addresses."""
    as_csv = kind == "csv"
    # Before the first row goes out: an export that is broken off has been read as well. Values may be e-mails.
    with ctx.db.writing() as tx:
        details = {"filters": sorted(filters), "with_hashes": with_hashes, "with_addresses": not as_csv}
        trail.record(tx, OPERATOR, None, {"customers_exported": details})
    condition, values = search.where(filters)
    more = (_HASH if with_hashes else "") + ("" if as_csv else _ADDRESSES.format(**_FRAGMENTS))
    statement = text(_EXPORT.format(**_FRAGMENTS, condition=condition, more=more))
    with ctx.db.without_timeouts() as conn, driver(conn).transaction():
        # By a cursor on the server: the rows stay there until they are asked for.
        streaming = conn.execution_options(stream_results=True, max_row_buffer=_CHUNK)
        found = streaming.execute(statement, values)
        if as_csv:
            out.write(_csv([found.keys()]))
        for chunk in found.mappings().partitions(_CHUNK):
            rows = [dict(row) for row in chunk]
            for row in rows:
                if with_hashes and hashing.cost(row["password_hash"]) is None:
                    row["password_hash"] = hashing.UNUSABLE
            out.write(_csv(row.values() for row in rows) if as_csv else _ndjson(rows))
    out.flush()


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    lines = io.StringIO()
    # All cells in quotes: a spreadsheet that splits at semicolons must not find the beginning of a formula within one.
    csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [guard(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return lines.getvalue().encode()


def _ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows).encode()
