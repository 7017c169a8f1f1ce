"""Databases to measure with: the schema, customers, and sessions that are written directly."""

import contextlib
import hashlib
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from customers.config import Settings
from dev import postgres

THREADS = Settings().threads  # of a worker, where nothing is set
SESSIONS = 64  # customers who are signed in

# What an earlier checkout needs beside, and what this one does not know.
OLD_ENVIRONMENT = {"CUSTOMERS_METRICS": "off"}


class Act(NamedTuple):
    """A request that is measured; ``sids`` are used in turn."""

    name: str
    method: str
    path: str
    sids: list[str]
    body: str | None = None


class Database(NamedTuple):
    """A database with customers, of whom the first are signed in, and an admin."""

    url: str
    customer_sids: list[str]
    admin_sid: str
    customer_uuid: str


@contextlib.contextmanager
def server(url: str | None) -> Iterator[str]:
    """Return the URL of a PostgreSQL whose databases may be made and dropped: the named one, or an embedded one."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield postgres.start(Path(folder))


@contextlib.contextmanager
def database(server_url: str, schema: Path, customers: int = 0, hashed: str = "!") -> Iterator[Database]:
    """Make a database with a schema and so many customers with one password hash; drop it at the end."""
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
        try:
            url = _as_url(make_conninfo(server_url, dbname=name))
            with psycopg.connect(url) as own:
                own.execute(schema.read_text().encode())
                yield_value = _fill(own, url, customers, hashed)
            with psycopg.connect(url, autocommit=True) as own:
                own.execute("VACUUM ANALYZE")
            yield yield_value
        finally:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _as_url(conninfo: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    user, dbname = parts.pop("user", "postgres"), parts.pop("dbname")
    query = "&".join(f"{name}={value}" for name, value in parts.items())
    return f"postgresql://{user}@/{dbname}?{query}"


FILL = """
    INSERT INTO customer (uuid, email, password, full_name)
    SELECT CAST(md5(number::text) AS uuid), 'customer' || number || '@example.com', %s, 'Customer ' || number
      FROM generate_series(1, %s) AS number
"""
ADDRESSES = """
    INSERT INTO customer_address (customer_id, full_name, address_1, province, country, postcode, is_default)
    SELECT customer_id, full_name, '123 Main Street', 'IL', 'US', '62701', true
      FROM customer
"""
ADMIN = """
    INSERT INTO admin_user (email, password, full_name) VALUES ('admin@example.com', '!', 'Admin')
    RETURNING admin_user_id
"""
SESSION = "INSERT INTO login_session (digest, {}, expires_at) VALUES (%s, %s, now() + interval '1 day')"


def _fill(conn: psycopg.Connection[Any], url: str, customers: int, hashed: str) -> Database:
    conn.execute(FILL, [hashed, customers])
    conn.execute(ADDRESSES)
    found = conn.execute("SELECT customer_id, uuid FROM customer ORDER BY customer_id LIMIT %s", [SESSIONS]).fetchall()
    # The same in each database, so that several services can be asked the same.
    sids = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) for number in range(len(found) + 1)]
    row = conn.execute(ADMIN).fetchone()
    assert row is not None
    for sid, (customer_id, _) in zip(sids[1:], found, strict=True):
        conn.execute(SESSION.format("customer_id"), [_digest(sid), customer_id])
    conn.execute(SESSION.format("admin_user_id"), [_digest(sids[0]), row[0]])
    return Database(url, sids[1:], sids[0], str(found[-1][1]) if found else "")


def _digest(sid: str) -> bytes:
    return hashlib.sha256(sid.encode()).digest()


def acts(found: Database) -> list[Act]:
    """Return the acts that are compared with the floor."""
    one, rename = found.customer_sids[:1], '{"full_name": "Ann Example"}'
    return [
        Act("read oneself", "GET", "/api/customers/me", one),
        Act("read one", "GET", f"/api/customers/{found.customer_uuid}", [found.admin_sid]),
        Act("list twenty", "GET", "/api/customers", [found.admin_sid]),
        Act("rename, one customer", "PATCH", "/api/customers/me", one, rename),
        Act("rename, 64 customers", "PATCH", "/api/customers/me", found.customer_sids, rename),
    ]


def environment(url: str, port: int, workers: int = 2) -> dict[str, str]:
    """Return the settings of a service that is measured."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "CUSTOMERS_DATABASE_URL": url,
        "CUSTOMERS_SECRET_KEY": "k" * 32,
        "CUSTOMERS_COOKIE_SECURE": "false",
        "CUSTOMERS_WORKERS": str(workers),
        "CUSTOMERS_LOG_FORMAT": "json",
        "CUSTOMERS_LIMIT_WRITES": "0",
    }
