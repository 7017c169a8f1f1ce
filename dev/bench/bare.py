"""The floor that the service is measured against: bare WSGI functions with psycopg and orjson, no framework.

They answer what the service answers, by the plainest means: a statement for the caller, one for what is asked for. A
name is changed in one statement with its entry in the trail, and without asking who calls.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row, tuple_row

URL = os.environ.get("CUSTOMERS_DATABASE_URL", "")

CUSTOMER = """
    SELECT customer.customer_id, customer.uuid
      FROM login_session
      JOIN customer USING (customer_id)
     WHERE login_session.digest = %s
       AND login_session.expires_at > now()
       AND customer.status = 1
"""
ADMIN = """
    SELECT admin_user.admin_user_id
      FROM login_session
      JOIN admin_user USING (admin_user_id)
     WHERE login_session.digest = %s
       AND login_session.expires_at > now()
       AND admin_user.status
"""
READ = """
    SELECT customer_id, uuid, status, group_id, email, full_name,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS created_at,
           to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS updated_at,
           (SELECT coalesce(json_agg(json_build_object(
                       'customer_address_id', customer_address_id, 'uuid', uuid, 'full_name', full_name,
                       'telephone', telephone, 'address_1', address_1, 'address_2', address_2, 'city', city,
                       'province', province, 'country', country, 'postcode', postcode, 'is_default', is_default)
                   ORDER BY is_default DESC, customer_address_id), '[]')
              FROM customer_address
             WHERE customer_address.customer_id = customer.customer_id) AS addresses
      FROM customer
     WHERE uuid = %s
"""
LIST = """
    SELECT customer_id, uuid, status, group_id, email, full_name,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS created_at,
           to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS updated_at
      FROM customer
     ORDER BY customer_id
     LIMIT 20
"""
TOTAL = "SELECT sum(customers) FROM customer_counter"
RENAME = """
      WITH changed AS (
           UPDATE customer
              SET full_name = %s, updated_at = now()
             FROM login_session
            WHERE login_session.digest = %s
              AND customer.customer_id = login_session.customer_id
           RETURNING customer.customer_id, customer.uuid, customer.status, customer.group_id, customer.email,
                     customer.full_name,
                     to_char(customer.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS created_at,
                     to_char(customer.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS updated_at),
           recorded AS (
           INSERT INTO audit_log (event, actor_kind, actor_uuid, subject_kind, subject_uuid, details)
           SELECT 'customer_updated', 'customer', uuid, 'customer', uuid, '{"fields": ["full_name"]}'
             FROM changed)
    SELECT customer_id, uuid, status, group_id, email, full_name, created_at, updated_at
      FROM changed
"""

Start = Callable[..., Any]
_local = threading.local()


def _conn() -> psycopg.Connection[Any]:
    if not hasattr(_local, "conn"):
        _local.conn = psycopg.connect(URL, autocommit=True)
    conn: psycopg.Connection[Any] = _local.conn
    return conn


def _digest(environ: dict[str, Any]) -> bytes:
    return hashlib.sha256(environ["HTTP_X_SESSION_ID"].encode()).digest()


def _read(environ: dict[str, Any]) -> Any:
    conn, path = _conn(), environ["PATH_INFO"]
    plain, rows = conn.cursor(row_factory=tuple_row), conn.cursor(row_factory=dict_row)
    if path.endswith("/me"):
        _, uuid = plain.execute(CUSTOMER, [_digest(environ)]).fetchall()[0]
    else:
        plain.execute(ADMIN, [_digest(environ)]).fetchone()
        uuid = path.rpartition("/")[2]
    return {"data": rows.execute(READ, [uuid]).fetchone()}


def _list(environ: dict[str, Any]) -> Any:
    conn = _conn()
    plain, rows = conn.cursor(row_factory=tuple_row), conn.cursor(row_factory=dict_row)
    plain.execute(ADMIN, [_digest(environ)]).fetchone()
    total = int(plain.execute(TOTAL).fetchall()[0][0])
    found = rows.execute(LIST).fetchall()
    path, last = "/api/customers", -(-total // 20)
    links = {"first": f"{path}?page=1", "last": f"{path}?page={last}", "prev": None, "next": f"{path}?page=2"}
    meta = {"current_page": 1, "from": 1, "last_page": last, "path": path, "per_page": 20, "to": 20, "total": total}
    return {"data": found, "links": links, "meta": meta}


def _rename(environ: dict[str, Any]) -> Any:
    body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    rows = _conn().cursor(row_factory=dict_row)
    return {"data": rows.execute(RENAME, [body["full_name"], _digest(environ)]).fetchone()}


def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Answer a request."""
    if environ["REQUEST_METHOD"] == "PATCH":
        found = _rename(environ)
    elif environ["PATH_INFO"] == "/api/customers":
        found = _list(environ)
    else:
        found = _read(environ)
    body = orjson.dumps(found)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
