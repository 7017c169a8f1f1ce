"""The statements on the audit trail. None changes a row: the table refuses it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

INSERT = text("""
    INSERT INTO audit_log (event, actor_kind, actor_uuid, subject_kind, subject_uuid, ip, user_agent, request_id,
                           details)
    VALUES (:event, :actor_kind, :actor_uuid, :subject_kind, :subject_uuid, CAST(:ip AS inet), :user_agent, :request_id,
            CAST(:details AS jsonb))
""")


def insert(conn: Connection, entries: Sequence[dict[str, Any]]) -> None:
    """Append these entries, in one round trip."""
    conn.execute(INSERT, entries if len(entries) > 1 else entries[0])


# One row at least, with the number of all entries and whether there is such a customer.
LIST = text("""
      WITH trail AS (
           SELECT count(*) AS total,
                  EXISTS (SELECT FROM customer WHERE uuid = :uuid) AS known
             FROM audit_log
            WHERE subject_uuid = :uuid
              AND subject_kind = 'customer'),
           page AS (
           SELECT audit_log_id, created_at, event, actor_kind, actor_uuid, host(ip) AS ip, user_agent, request_id,
                  details
             FROM audit_log
            WHERE subject_uuid = :uuid
              AND subject_kind = 'customer'
            ORDER BY audit_log_id DESC
            LIMIT :limit
           OFFSET :offset)
    SELECT total, known, audit_log_id, created_at, event, actor_kind, actor_uuid, ip, user_agent, request_id, details
      FROM trail
      LEFT JOIN page
        ON true
     ORDER BY audit_log_id DESC
""")


def list_page(conn: Connection, uuid: UUID, *, limit: int, offset: int) -> tuple[Sequence[Row[Any]], int] | None:
    """Return a page of what is recorded of a customer, the newest first, and how much that is in all.

    None if there is no such customer and none has left a trace.
    """
    rows = conn.execute(LIST, {"uuid": uuid, "limit": limit, "offset": offset}).all()
    total: int = rows[0].total
    if not total and not rows[0].known:
        return None
    return [row for row in rows if row.audit_log_id is not None], total


ALLOW_PURGE = text("""
    SELECT set_config('customers.purge_audit', 'on', true)
""")

# The ids follow the times but for transactions that overlap, so that no index on the time is needed: whatever is not
# among the first goes with the next purge.
PURGE = text("""
    DELETE FROM audit_log
     WHERE audit_log_id = ANY(ARRAY(
           SELECT audit_log_id
             FROM (SELECT audit_log_id, created_at
                     FROM audit_log
                    ORDER BY audit_log_id
                    LIMIT :batch) AS oldest
            WHERE created_at < now() - make_interval(days => :days)))
""")


def purge(conn: Connection, days: int, batch: int) -> int:
    """Delete at most a batch of the entries older than so many days; return how many there were."""
    conn.execute(ALLOW_PURGE)
    return conn.execute(PURGE, {"days": days, "batch": batch}).rowcount
