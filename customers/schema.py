"""The database schema: applying `schema.sql`, and telling whether it has been applied."""

import functools
import re
from pathlib import Path

from psycopg import errors as pg_errors
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from customers.database import Database
from customers.errors import SchemaMissing

FILE = Path(__file__).parent.parent / "schema.sql"

VERSION = text("""
    SELECT version
      FROM customers_schema
""")


# What PostgreSQL says of a statement when the schema is not there, or not all of it.
NO_SCHEMA = (pg_errors.UndefinedTable, pg_errors.UndefinedColumn, pg_errors.UndefinedFunction)


class SchemaConflict(Exception):
    """Existing rows stand in the way; the message names them. Nothing has been changed."""


@functools.cache
def version() -> int:
    """Return the version that `schema.sql` gives a database."""
    match = re.search(r"^VALUES \((\d+)\) -- schema version$", FILE.read_text(), re.MULTILINE)
    assert match, "schema.sql names its version"
    return int(match[1])


def apply(database: Database, *, repair_defaults: bool = False, recount: bool = False) -> None:
    """Apply `schema.sql` in one transaction; again is harmless, and so is at the same time as another process.

    ``repair_defaults`` has a customer with several default addresses keep the newest; ``recount`` has the customers
    counted anew. Raises SchemaConflict when existing rows stand in the way.
    """
    with database.writing_at_length() as conn:
        if repair_defaults:
            conn.execute(text("SET LOCAL customers.repair_defaults = 'on'"))
        if recount:
            conn.execute(text("SET LOCAL customers.recount = 'on'"))
        # Not through text(), which would take every colon for a parameter; psycopg without parameters sends the file
        # as it is, many statements at once.
        cursor = conn.connection.cursor()
        try:
            cursor.execute(FILE.read_text())
        except pg_errors.UniqueViolation as conflict:
            raise SchemaConflict(conflict.diag.message_primary) from None
        finally:
            cursor.close()


def check(database: Database) -> None:
    """Do nothing if the database answers and its schema is at least this version. Raises SchemaMissing."""
    try:
        with database.reading() as conn:
            applied = conn.execute(VERSION).scalar_one_or_none()
    except ProgrammingError as error:
        if isinstance(error.orig, NO_SCHEMA):
            raise SchemaMissing() from None
        raise
    if applied is None or applied < version():
        raise SchemaMissing()
