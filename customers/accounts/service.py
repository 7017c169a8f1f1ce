"""The acts on customers: create, read, list, update, delete (CONTRACT sections 1 to 4)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from customers.accounts import sql
from customers.errors import (
    CustomerNotFound,
    EmailTaken,
    LoginAgain,
    NotAuthenticated,
    NothingToUpdate,
    StatusForbidden,
)
from customers.identity import Caller
from customers.resources import Resources
from customers.sessions import sql as sessions


def create(resources: Resources, new: Mapping[str, Any]) -> Row[Any]:
    """Create a customer and return the row. Raises EmailTaken, Busy."""
    hashed = resources.passwords.hash(new["password"])
    with resources.database.writing() as conn:
        customer = sql.insert(
            conn, status=new.get("status", 1), email=new["email"], password=hashed, full_name=new["full_name"]
        )
    if customer is None:
        raise EmailTaken()
    return customer


def read(resources: Resources, uuid: UUID) -> Row[Any]:
    """Return a customer with the addresses. Raises CustomerNotFound."""
    with resources.database.reading() as conn:
        return _found(sql.find(conn, uuid))


def list_page(resources: Resources, *, page: int, limit: int) -> dict[str, Any]:
    """Return a page of customers under ``customers``, with what its place among all of them is described by."""
    offset = (page - 1) * limit
    with resources.database.reading() as conn:
        customers, total = sql.list_page(conn, limit=limit, offset=offset)
    return {
        "customers": customers,
        "total": total,
        "last_page": max(1, -(-total // limit)),
        "from": offset + 1 if customers else None,
        "to": offset + len(customers) if customers else None,
    }


def update(resources: Resources, caller: Caller, uuid: UUID, changes: Mapping[str, Any]) -> Row[Any]:
    """Change a customer and return the row.

    A new password ends the other sessions of the account, disabling it ends all. Raises StatusForbidden,
    NothingToUpdate, LoginAgain, EmailTaken, CustomerNotFound, Busy.
    """
    if caller.admin is None and "status" in changes:
        raise StatusForbidden()
    if not changes:
        raise NothingToUpdate()
    if caller.admin is None and _is_sensitive(caller, changes):
        _require_recent_login(caller)
    values = dict(changes)
    if "password" in changes:
        values["password"] = resources.passwords.hash(changes["password"])
    with resources.database.writing() as conn:
        customer = _found(sql.update(conn, uuid, values))
        _require_living_session(conn, caller)
        # After the update, which any login of this account waits for: one that comes first is seen here and ended.
        if changes.get("status") == 0:
            sessions.end_all(conn, "customer", customer.customer_id)
        elif "password" in changes:
            own = caller.customer.digest if caller.customer else None
            sessions.end_all(conn, "customer", customer.customer_id, keep=own)
    return customer


def delete(resources: Resources, caller: Caller, uuid: UUID) -> Row[Any]:
    """Delete a customer with all that belongs to the account, and return the row as it was.

    Raises LoginAgain, CustomerNotFound.
    """
    if caller.admin is None:
        _require_recent_login(caller)
    with resources.database.writing() as conn:
        sql.lock(conn, uuid)
        _require_living_session(conn, caller)
        return _found(sql.delete(conn, uuid))


def _found(customer: Row[Any] | None) -> Row[Any]:
    if customer is None:
        raise CustomerNotFound()
    return customer


def _is_sensitive(caller: Caller, changes: Mapping[str, Any]) -> bool:
    """Return whether a customer's own changes need a recent login: a new password, or a new address.

    A form that sends the address along as it was changes nothing.
    """
    same = caller.customer is not None and changes.get("email", caller.customer.email) == caller.customer.email
    return "password" in changes or not same


def _require_living_session(conn: Connection, caller: Caller) -> None:
    """Raise NotAuthenticated if the customer's session has ended since the request came in: it may have waited long.

    With the customer's row locked, for what ends sessions locks it first: whoever is being thrown out cannot get a last
    word in while a password is hashed.
    """
    if caller.admin is None and caller.customer and not sessions.is_alive(conn, caller.customer.digest):
        raise NotAuthenticated()


def _require_recent_login(caller: Caller) -> None:
    if caller.customer is None or not caller.customer.recent:
        raise LoginAgain()
