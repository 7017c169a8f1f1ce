"""The acts on the audit trail: reading it, and deleting what is too old."""

from typing import Any
from uuid import UUID

from customers import paging
from customers.audit import sql, trail
from customers.errors import CustomerNotFound
from customers.identity import OPERATOR
from customers.resources import Resources


def list_page(resources: Resources, customer_uuid: UUID, *, page: int, limit: int) -> dict[str, Any]:
    """Return a page of what is recorded of a customer under ``entries``, the newest first, with its place among all.

    A deleted customer's trail stays. Raises CustomerNotFound where there is neither customer nor trail.
    """
    with resources.database.reading() as conn:
        found = sql.list_page(conn, customer_uuid, limit=limit, offset=(page - 1) * limit)
    if found is None:
        raise CustomerNotFound()
    entries, total = found
    return {"entries": entries, **paging.place(len(entries), total, page=page, limit=limit)}


def purge(resources: Resources, days: int, batch: int) -> int:
    """Delete the entries older than so many days; return how many there were.

    A batch a transaction, each of which is an entry itself: one that is broken off is known as well.
    """
    total = 0
    while True:
        with resources.database.writing() as conn:
            deleted = sql.purge(conn, days, batch)
            if deleted:
                trail.record(conn, OPERATOR, None, {"audit_purged": {"entries": deleted, "older_than_days": days}})
        total += deleted
        if deleted < batch:
            return total
