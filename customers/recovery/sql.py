"""The statements on password reset tokens."""

from sqlalchemy import Connection, text

PURGE = text("""
    DELETE FROM reset_password_token
     WHERE reset_password_token_id = ANY(ARRAY(
           SELECT reset_password_token_id
             FROM reset_password_token
            WHERE created_at <= now() - make_interval(secs => :lifetime)
            ORDER BY created_at
            LIMIT :batch
              FOR UPDATE SKIP LOCKED))
""")


def purge(conn: Connection, lifetime: int, batch: int) -> int:
    """Delete at most a batch of tokens older than their lifetime; return how many there were."""
    return conn.execute(PURGE, {"lifetime": lifetime, "batch": batch}).rowcount
