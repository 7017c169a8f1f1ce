"""The database schema: applying `schema.sql`, and telling whether it has been applied."""

import functools
import re
from pathlib import Path

import psycopg
from psycopg import errors as pg_errors
from sqlalchemy import text

from customers.db.engine import Database, driver
from customers.errors import SchemaMissing

FILE = Path(__file__).parent.parent.parent / "schema.sql"

# What PostgreSQL says of a statement when the schema is not there, or not all of it.
NO_SCHEMA = (pg_errors.UndefinedTable, pg_errors.UndefinedColumn, pg_errors.UndefinedFunction)


_NEWER = "SV001"  # the SQLSTATE by which schema.sql says that the database has a newer version


class SchemaConflict(Exception):
    """Existing rows stand in the way; the message names them. Nothing has been changed."""


@functools.cache
def version() -> int:
    """Return the version that `schema.sql` gives a database."""
    match = re.search(r"^SET LOCAL customers.schema_version = (\d+);$", FILE.read_text(), re.MULTILINE)
    assert match, "schema.sql names its version"
    return int(match[1])


VERSION = text("""
    SELECT version
      FROM customers_schema
""")


def apply(database: Database, *more: Path, repair_defaults: bool = False, recount: bool = False) -> int:
    """Apply `schema.sql`, and more files of SQL, in one transaction; again, or twice at once, is harmless.

    Returns the version that the database has then. A newer one than this service's stays as it is: nothing is changed.
    Raises SchemaConflict.
    """
    chosen = {"customers.repair_defaults": repair_defaults, "customers.recount": recount}
    options = "".join(f"SET LOCAL {name} = 'on';" for name, wanted in chosen.items() if wanted)
    with database.without_timeouts() as conn:
        try:
            with driver(conn).transaction():
                driver(conn).execute((options + "".join(file.read_text() for file in (FILE, *more))).encode())
        except pg_errors.UniqueViolation as conflict:
            raise SchemaConflict(conflict.diag.message_primary) from None
        except psycopg.Error as error:
            if error.sqlstate != _NEWER:
                raise
        applied: int = conn.execute(VERSION).scalar_one()
        return applied


def check(database: Database) -> None:
    """Do nothing if the database answers and its schema is at least this version. Raises SchemaMissing, NO_SCHEMA."""
    with database.autocommit() as conn:
        applied = conn.execute(VERSION).scalar_one_or_none()
    if applied is None or applied < version():
        raise SchemaMissing()
