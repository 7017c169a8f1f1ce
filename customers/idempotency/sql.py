"""The statements on remembered answers."""

from typing import Any

from sqlalchemy import Connection, Row, text

# The lock is named after the digest and ends with the transaction, whatever ends that.
CLAIM = text("""
    SELECT pg_try_advisory_xact_lock(:number)
""")


def claim(conn: Connection, digest: bytes) -> bool:
    """Return whether this transaction is now the only one at work on a key."""
    number = int.from_bytes(digest[:8], signed=True)
    claimed: bool = conn.execute(CLAIM, {"number": number}).scalar_one()
    return claimed


FIND = text("""
    SELECT body_digest, status, headers, body
      FROM idempotent_answer
     WHERE digest = :digest
       AND created_at > now() - interval '24 hours'
""")


def find(conn: Connection, digest: bytes) -> Row[Any] | None:
    """Return the answer that is remembered, or None."""
    return conn.execute(FIND, {"digest": digest}).one_or_none()


REMEMBER = text("""
    INSERT INTO idempotent_answer (digest, body_digest, status, headers, body, customer_id)
    VALUES (:digest, :body_digest, :status, CAST(:headers AS jsonb), :body, :customer_id)
        ON CONFLICT (digest) DO UPDATE
       SET body_digest = excluded.body_digest,
           status = excluded.status,
           headers = excluded.headers,
           body = excluded.body,
           customer_id = excluded.customer_id,
           created_at = now()
""")


def remember(
    conn: Connection,
    digest: bytes,
    *,
    body_digest: bytes,
    status: int,
    headers: str,
    body: str,
    customer_id: int | None,
) -> None:
    """Remember an answer for 24 hours, in place of one that is older. ``headers`` is a JSON object."""
    values = {"body_digest": body_digest, "status": status, "headers": headers, "body": body}
    conn.execute(REMEMBER, {**values, "digest": digest, "customer_id": customer_id})


PURGE = text("""
    DELETE FROM idempotent_answer
     WHERE digest = ANY(ARRAY(
           SELECT digest
             FROM idempotent_answer
            WHERE created_at <= now() - interval '24 hours'
            ORDER BY created_at
            LIMIT :batch
              FOR UPDATE SKIP LOCKED))
""")


def purge(conn: Connection, batch: int) -> int:
    """Delete at most a batch of answers that are not remembered any more; return how many there were."""
    return conn.execute(PURGE, {"batch": batch}).rowcount
