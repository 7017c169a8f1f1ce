"""Deleting what has ended: sessions, reset tokens, idempotency keys, old mail, networks long not used."""

from sqlalchemy import Connection, TextClause, text

from customers.config import Settings
from customers.db.engine import Database

# Rows that somebody holds are left for the next time, so that several purges at once do not wait for one another.
_STATEMENT = """
    DELETE FROM {table}
     WHERE {key} = ANY(ARRAY(
           SELECT {key}
             FROM {table}
            WHERE {time} <= now() - {ended}
            ORDER BY {time}
            LIMIT :batch
              FOR UPDATE SKIP LOCKED))
"""
_RESET = "make_interval(secs => :reset_lifetime)"
_MAIL = "interval '7 days' AND (sent_at IS NOT NULL OR failed_at <= now() - interval '30 days')"
# What it is called -> the table, its key, and how long after which time a row has ended.
_ENDED = {
    "sessions": ("login_session", "digest", "expires_at", "interval '0'"),
    "reset tokens": ("reset_password_token", "reset_password_token_id", "created_at", _RESET),
    "idempotency keys": ("idempotency_key", "digest", "created_at", "interval '24 hours'"),
    "mails": ("outbox_mail", "outbox_mail_id", "created_at", _MAIL),
    "networks": ("login_network", "login_network_id", "last_login_at", "interval '30 days'"),
}
STATEMENTS = {
    name: text(_STATEMENT.format(table=table, key=key, time=time, ended=ended))
    for name, (table, key, time, ended) in _ENDED.items()
}


def purge(database: Database, settings: Settings, batch: int = 1000) -> dict[str, int]:
    """Delete what has ended, at most ``batch`` rows a statement; return how many rows of each there were."""
    values = {"batch": batch, "reset_lifetime": settings.reset_lifetime}
    with database.autocommit() as conn:
        return {name: _until_done(conn, statement, values) for name, statement in STATEMENTS.items()}


def _until_done(conn: Connection, statement: TextClause, values: dict[str, int]) -> int:
    total = 0
    while True:
        deleted = conn.execute(statement, values).rowcount
        total += deleted
        if deleted < values["batch"]:
            return total
