"""The statements on the audit trail. None changes a row: the table refuses it."""

from uuid import UUID

from sqlalchemy import Connection, text

from customers.db.documents import Page

# One row: how many entries there are, whether there is such a customer, and a page, the newest first.
LIST = text("""
    SELECT (SELECT count(*)
              FROM audit_log
             WHERE subject_uuid = :uuid
               AND subject_kind = 'customer') AS total,
           EXISTS (SELECT FROM customer WHERE uuid = :uuid) AS known,
           count(*) AS size,
           CAST(coalesce(json_agg(row_to_json(entry)), '[]') AS text) AS body
      FROM (SELECT audit_log_id, customers_time(created_at) AS created_at, event,
                   json_build_object('kind', actor_kind, 'uuid', actor_uuid) AS actor,
                   host(ip) AS ip, user_agent, request_id, details
              FROM audit_log
             WHERE subject_uuid = :uuid
               AND subject_kind = 'customer'
             ORDER BY audit_log_id DESC
             LIMIT :limit
            OFFSET :offset) AS entry
""")


def list_page(conn: Connection, uuid: UUID, *, number: int, limit: int) -> Page | None:
    """Return a page of a customer's entries, the newest first; None if there is neither customer nor entry."""
    row = conn.execute(LIST, {"uuid": uuid, "limit": limit, "offset": (number - 1) * limit}).one()
    return Page(row.body, row.size, row.total, number, limit) if row.total or row.known else None


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
