"""The act of telling people what is stored about them (CONTRACT section 9; GDPR, articles 15 and 20)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers.errors import CustomerNotFound
from customers.exports import sql
from customers.resources import Resources


def gather(resources: Resources, uuid: UUID) -> Row[Any]:
    """Return a customer with everything that is stored about the person, but for secrets. Raises CustomerNotFound."""
    with resources.database.reading() as conn:
        person = sql.gather(conn, uuid)
    if person is None:
        raise CustomerNotFound()
    return person
