"""The act of telling people what is stored about them (CONTRACT section 9; GDPR, articles 15 and 20)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers.audit import trail
from customers.audit.trail import Subject
from customers.errors import CustomerNotFound
from customers.exports import sql
from customers.identity import Caller
from customers.resources import Resources


def gather(resources: Resources, caller: Caller, uuid: UUID) -> Row[Any]:
    """Return a customer with everything that is stored about the person, but for secrets.

    That an admin has read it all is recorded. Raises CustomerNotFound.
    """
    if caller.admin is None:
        with resources.database.reading() as conn:
            return _found(sql.gather(conn, uuid))
    with resources.database.writing() as conn:
        person = _found(sql.gather(conn, uuid))
        trail.record(conn, caller.actor, Subject("customer", uuid), {"customer_exported": {}})
    return person


def _found(person: Row[Any] | None) -> Row[Any]:
    if person is None:
        raise CustomerNotFound()
    return person
