"""Databases to measure with: on a PostgreSQL of the measurement's own, or on one that is named."""

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from dev import postgres, schema
from customers.config import Settings
from customers.context import Context
from tests.unlimited import NO_LIMITS


@contextlib.contextmanager
def server(url: str | None) -> Iterator[str]:
    """Return the connection string of a PostgreSQL whose databases may be made and dropped: the named, or an own."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield postgres.start(Path(folder))


@contextlib.contextmanager
def databases(url: str | None) -> Iterator[Callable[[], str]]:
    """Return a function that makes a database with the schema, and returns its URL; drop them all at the end."""
    with server(url) as conninfo, psycopg.connect(conninfo, autocommit=True) as conn:
        made: list[str] = []

        def make() -> str:
            name = f"bench_{uuid.uuid4().hex}"
            conn.execute(f"CREATE DATABASE {name}".encode())
            made.append(name)
            found = make_conninfo(conninfo, dbname=name)
            ctx = Context.of(settings(found))
            migrate.apply(ctx.db)
            ctx.db.close()
            return found

        try:
            yield make
        finally:
            for name in made:
                conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def own(data: Path) -> psycopg.Connection:
    """Return a connection to the PostgreSQL that a service runs in a data folder.

    By its socket and not through postgres.start(), which would make this process one of the server's users: the folder
    goes before the process does.
    """
    return psycopg.connect(host=str(data.resolve() / "postgres"), user="postgres", dbname="postgres")


def settings(conninfo: str) -> Settings:
    """Return settings for measurements that have nothing to do with hashing: the cheapest hashes, and no limits."""
    return Settings(
        database_url=conninfo,
        secret_key="k" * 32,
        bcrypt_rounds=4,
        cookie_secure=False,
        pool_size=20,
        **NO_LIMITS,
    )
