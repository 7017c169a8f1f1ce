"""Deleting what has ended: sessions, reset tokens, idempotency keys, old mail, networks long not used."""

from sqlalchemy import Connection, TextClause, text

from customers.config import Settings
from customers.db.engine import Database

# What it is called -> how a batch of it is deleted. Rows that somebody holds are left for the next time, so that
# several purges at once do not wait for one another.
STATEMENTS: dict[str, TextClause] = {
    "sessions": text("""
        DELETE FROM login_session
         WHERE digest = ANY(ARRAY(
               SELECT digest
                 FROM login_session
                WHERE expires_at <= now()
                ORDER BY expires_at
                LIMIT :batch
                  FOR UPDATE SKIP LOCKED))
    """),
    "reset tokens": text("""
        DELETE FROM reset_password_token
         WHERE reset_password_token_id = ANY(ARRAY(
               SELECT reset_password_token_id
                 FROM reset_password_token
                WHERE created_at <= now() - make_interval(secs => :reset_lifetime)
                ORDER BY created_at
                LIMIT :batch
                  FOR UPDATE SKIP LOCKED))
    """),
    "idempotency keys": text("""
        DELETE FROM idempotency_key
         WHERE digest = ANY(ARRAY(
               SELECT digest
                 FROM idempotency_key
                WHERE created_at <= now() - interval '24 hours'
                ORDER BY created_at
                LIMIT :batch
                  FOR UPDATE SKIP LOCKED))
    """),
    # Mail sent a week ago, or given up a month ago.
    "mails": text("""
        DELETE FROM outbox_mail
         WHERE outbox_mail_id = ANY(ARRAY(
               SELECT outbox_mail_id
                 FROM outbox_mail
                WHERE created_at <= now() - interval '7 days'
                  AND (sent_at IS NOT NULL
                   OR failed_at <= now() - interval '30 days')
                ORDER BY created_at
                LIMIT :batch
                  FOR UPDATE SKIP LOCKED))
    """),
    "networks": text("""
        DELETE FROM login_network
         WHERE login_network_id = ANY(ARRAY(
               SELECT login_network_id
                 FROM login_network
                WHERE last_login_at <= now() - interval '30 days'
                ORDER BY last_login_at
                LIMIT :batch
                  FOR UPDATE SKIP LOCKED))
    """),
}


def purge(database: Database, settings: Settings, batch: int) -> dict[str, int]:
    """Delete what has ended, at most ``batch`` rows a statement; return how many rows of each there were."""
    values = {"batch": batch, "reset_lifetime": settings.reset_lifetime}
    with database.reading() as conn:
        return {name: _until_done(conn, statement, values) for name, statement in STATEMENTS.items()}


def _until_done(conn: Connection, statement: TextClause, values: dict[str, int]) -> int:
    total = 0
    while True:
        deleted = conn.execute(statement, values).rowcount
        total += deleted
        if deleted < values["batch"]:
            return total
