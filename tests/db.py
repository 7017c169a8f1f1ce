"""Direct access to a database, for what HTTP does not show or cannot make."""

from typing import Any

import psycopg
from psycopg.rows import dict_row


class Db:
    """Direct access to the database, for what HTTP does not show or cannot make."""

    def __init__(self, conninfo: str) -> None:
        self._conn = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)

    def execute(self, statement: str, *values: object) -> None:
        self._conn.execute(statement.encode(), values)

    def all(self, statement: str, *values: object) -> list[dict[str, Any]]:
        return self._conn.execute(statement.encode(), values).fetchall()

    def one(self, statement: str, *values: object) -> dict[str, Any]:
        (row,) = self.all(statement, *values)
        return row

    def empty_audit_log(self) -> None:
        """Delete the rows of the one table that refuses it."""
        self.execute("SET customers.purge_audit = on")
        self.execute("DELETE FROM audit_log")
        self.execute("RESET customers.purge_audit")

    def close(self) -> None:
        self._conn.close()
