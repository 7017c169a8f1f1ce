"""Direct access to a database, for what HTTP does not show or cannot make."""

from contextlib import ExitStack
from typing import Any

import psycopg
from psycopg.rows import dict_row

# In the order in which they can be emptied.
TABLES = (
    "attempt_counter",
    "login_network",
    "outbox_mail",
    "idempotency_key",
    "login_session",
    "reset_password_token",
    "customer_address",
    "customer",
    "admin_user",
)


class Db(ExitStack):
    def __init__(self, conninfo: str) -> None:
        super().__init__()
        self.conninfo = conninfo
        # In UTC, whatever the server's own zone is: times in the tests' statements have none.
        self._conn = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row, options="-c timezone=UTC")
        self.callback(self._conn.close)

    def execute(self, statement: str, *values: object) -> None:
        self._conn.execute(statement.encode(), values)

    def all(self, statement: str, *values: object) -> list[dict[str, Any]]:
        return self._conn.execute(statement.encode(), values).fetchall()

    def one(self, statement: str, *values: object) -> dict[str, Any]:
        (row,) = self.all(statement, *values)
        return row

    def empty(self) -> None:
        for table in TABLES:
            self.execute(f"DELETE FROM {table}")
        self.execute("DELETE FROM customer_group WHERE customer_group_id <> 1")
        self.execute("UPDATE customer_group SET group_name = 'Default', created_at = now(), updated_at = now()")
        self.empty_audit_log()

    def empty_audit_log(self) -> None:
        """Delete the rows of the one table that refuses it."""
        self.execute("SET customers.purge_audit = on")
        self.execute("DELETE FROM audit_log")
        self.execute("RESET customers.purge_audit")
