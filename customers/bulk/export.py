"""Exporting customers, row by row from one statement: one moment of the database, in constant memory."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from sqlalchemy import Row, text

from customers import passwords
from customers.accounts import search
from customers.audit import trail
from customers.bulk import cells
from customers.groups.sql import DEFAULT
from customers.identity import OPERATOR
from customers.resources import Resources

_CHUNK = 1000  # rows

# Put together at run time like the list's, of the same conditions. The oldest first, and then by address: an order that
# is the same for the same customers in every database. A customer without a group belongs to the default one.
_EXPORT = """
    SELECT customer.uuid, customer.email, customer.full_name, customer.status, customer_group.group_name,
           to_char(customer.created_at, 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"') AS created_at,
           to_char(customer.updated_at, 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"') AS updated_at,
           CAST(nullif(customer.meta_data, '{{}}') AS text) AS meta_data, {more}
      FROM (SELECT customer_id, uuid, email, full_name, status, coalesce(group_id, {default}) AS group_id, created_at,
                   updated_at, meta_data, password
              FROM customer
             WHERE {condition}) AS customer
      LEFT JOIN customer_group
        ON customer_group.customer_group_id = customer.group_id
     ORDER BY customer.created_at, lower(customer.email) COLLATE "C"
"""

_ADDRESSES = """
           (SELECT json_agg(json_build_object(
                       'uuid', uuid,
                       'full_name', full_name,
                       'telephone', telephone,
                       'address_1', address_1,
                       'address_2', address_2,
                       'city', city,
                       'province', province,
                       'country', country,
                       'postcode', postcode,
                       'is_default', coalesce(is_default, false),
                       'created_at', to_char(created_at, 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'),
                       'updated_at', to_char(updated_at, 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'))
                   ORDER BY customer_address_id)
              FROM customer_address
             WHERE customer_address.customer_id = customer.customer_id) AS addresses"""


# The columns of both formats, in their order; addresses and password_hash come after them.
_NAMES = ("uuid", "email", "full_name", "status", "group", "created_at", "updated_at", "meta_data")


def write_csv(resources: Resources, out: BinaryIO, filters: Mapping[str, Any], *, with_hashes: bool) -> None:
    """Write the customers that the filters leave as CSV with a header."""
    lines = io.StringIO()
    # All cells in quotes: a spreadsheet that splits at semicolons must not find the beginning of a formula within one.
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_NAMES + (("password_hash",) if with_hashes else ()))
    for chunk in _chunks(resources, filters, with_hashes=with_hashes, addresses=False):
        writer.writerows(_cells(row, with_hashes=with_hashes) for row in chunk)
        out.write(lines.getvalue().encode())
        lines.seek(0)
        lines.truncate()
    out.write(lines.getvalue().encode())
    out.flush()


def write_ndjson(resources: Resources, out: BinaryIO, filters: Mapping[str, Any], *, with_hashes: bool) -> None:
    """Write the customers that the filters leave as a JSON object a line, with their addresses."""
    for chunk in _chunks(resources, filters, with_hashes=with_hashes, addresses=True):
        lines = "".join(_object(row, with_hashes=with_hashes) for row in chunk)
        out.write(lines.encode())
    out.flush()


def _chunks(
    resources: Resources, filters: Mapping[str, Any], *, with_hashes: bool, addresses: bool
) -> Iterator[Sequence[Row[Any]]]:
    # Before the first row goes out: an export that is broken off has been read as well. No filter's value: it may be an
    # e-mail address.
    with resources.database.writing() as conn:
        details = {"filters": sorted(filters), "with_hashes": with_hashes, "with_addresses": addresses}
        trail.record(conn, OPERATOR, None, {"customers_exported": details})
    condition, values = search.where(filters)
    more = ", ".join((["password"] if with_hashes else []) + ([_ADDRESSES] if addresses else [])) or "NULL"
    statement = text(_EXPORT.format(condition=condition, default=DEFAULT, more=more))
    with resources.database.at_length() as conn:
        # Of a cursor on the server: the rows stay there until they are asked for.
        streaming = conn.execution_options(stream_results=True, max_row_buffer=_CHUNK)
        yield from streaming.execute(statement, values).partitions(_CHUNK)


def _values(row: Row[Any]) -> tuple[Any, ...]:
    """Return what _NAMES name."""
    named = (row.uuid, row.email, row.full_name, row.status, row.group_name)
    return (*named, row.created_at, row.updated_at, row.meta_data)


def _hash(row: Row[Any]) -> str:
    """Return a password's hash; what is none is as good as the sign for none."""
    return row.password if passwords.cost(row.password) else passwords.UNUSABLE


def _cells(row: Row[Any], *, with_hashes: bool) -> list[Any]:
    found = [cells.guard(value) if isinstance(value, str) else value for value in _values(row)]
    return [*found, _hash(row)] if with_hashes else found


def _object(row: Row[Any], *, with_hashes: bool) -> str:
    found = dict(zip(_NAMES, _values(row), strict=True)) | {"addresses": row.addresses or []}
    if with_hashes:
        found["password_hash"] = _hash(row)
    return json.dumps(found, ensure_ascii=False, default=str) + "\n"
