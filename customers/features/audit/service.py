"""The acts on the audit trail: reading it, and deleting what is too old."""

from uuid import UUID

from customers.context import Context
from customers.db.documents import Page
from customers.errors import CustomerNotFound, found
from customers.features.audit import sql
from customers.security import trail
from customers.security.callers import OPERATOR


def list_page(ctx: Context, customer_uuid: UUID, *, page: int, limit: int) -> Page:
    """Return a page of what is recorded of a customer, deleted or not, the newest first. Raises CustomerNotFound."""
    with ctx.db.autocommit() as conn:
        return found(sql.list_page(conn, customer_uuid, number=page, limit=limit), CustomerNotFound)


def purge(ctx: Context, days: int, batch: int = 10_000) -> int:
    """Delete what is older than so many days, a batch a transaction and an entry itself; return how many there were."""
    total = 0
    while True:
        with ctx.db.writing() as tx:
            deleted = sql.purge(tx.conn, days, batch)
            if deleted:
                trail.record(tx, OPERATOR, None, {"audit_purged": {"entries": deleted, "older_than_days": days}})
        total += deleted
        if deleted < batch:
            return total
