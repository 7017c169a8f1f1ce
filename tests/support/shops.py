"""Databases with the schema and the restricted role, and the service on one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from customers.config import Settings
from customers.db import migrate
from customers.db.engine import Database
from tests.conftest import REPOSITORY, Made
from tests.support.service import Service

ROLE = "customers_service"
DEFAULTS = {"CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "1"}


def migrated(make: Callable[..., Made], sql: str = "") -> Made:
    """Return what works on a database of its own that has the schema, made on top of some SQL."""
    ctx, db = make(sql)
    migrate.apply(ctx.db, repair_defaults=True)
    return ctx, db


def with_schema(conninfo: str) -> str:
    database = Database(Settings(database_url=conninfo))
    migrate.apply(database)
    database.close()
    return conninfo


def give_rights(conninfo: str, role: str = ROLE, password: str = "") -> None:
    """Apply deploy/role.sql, as an operator does."""
    with psycopg.connect(conninfo, options=f"-c customers.role={role} -c customers.password={password}") as conn:
        conn.execute((REPOSITORY / "deploy" / "role.sql").read_bytes())


@contextmanager
def serving(folder: Path, conninfo: str, **settings: str) -> Iterator[Service]:
    service = Service(folder / "log", CUSTOMERS_DATABASE_URL=conninfo, **{**DEFAULTS, **settings})
    try:
        yield service
    finally:
        service.stop()
