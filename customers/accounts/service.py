"""The acts on customers: create, read, list, update, delete, change the password (CONTRACT sections 1 to 4 and 6)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from customers import paging
from customers.accounts import search, sql
from customers.audit import trail
from customers.audit.trail import Details, Event, Subject
from customers.errors import (
    CustomerNotFound,
    EmailTaken,
    LoginAgain,
    NotAuthenticated,
    NothingToUpdate,
    PreconditionFailed,
    StatusForbidden,
    WrongPassword,
)
from customers.groups import sql as groups
from customers.idempotency.once import Once
from customers.identity import Actor, Caller
from customers.limits import attempts, guesses
from customers.outbox import sql as outbox
from customers.recovery import sql as recovery
from customers.resources import Resources
from customers.sessions import sql as sessions


def create(resources: Resources, caller: Caller, new: Mapping[str, Any], once: Once[Any]) -> None:
    """Create a customer; ``once`` has the answer.

    An admin's is recorded as such; any other is a registration, whoever is signed in meanwhile, and is counted where it
    comes from. Raises EmailTaken, TooManyRequests, Busy, InvalidInput for an unknown group, and what ``once`` raises.
    """
    with attempts.registration(resources, None if caller.admin else caller.origin.network):
        _create(resources, caller, new, once)


def _create(resources: Resources, caller: Caller, new: Mapping[str, Any], once: Once[Any]) -> None:
    hashed = resources.passwords.hash(new["password"])
    with resources.database.writing() as conn:
        once.begin(conn)
        customer = sql.insert(
            conn,
            status=new.get("status", 1),
            group_id=new.get("group_id", groups.DEFAULT),
            email=new["email"],
            password=hashed,
            full_name=new["full_name"],
        )
        if customer is None:
            raise EmailTaken()
        subject = Subject("customer", customer.uuid)
        if caller.admin is None:
            trail.record(conn, Actor("anonymous", None, caller.origin), subject, {"customer_registered": {}})
        else:
            trail.record(conn, caller.actor, subject, {"customer_created": {}})
        once.record(conn, customer)


def read(resources: Resources, uuid: UUID) -> Row[Any]:
    """Return a customer with the addresses. Raises CustomerNotFound."""
    with resources.database.reading() as conn:
        return _found(sql.find(conn, uuid))


def list_page(
    resources: Resources, *, page: int, limit: int, sort: str = "customer_id", filters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a page of customers under ``customers``, with what its place among all of them is described by.

    ``filters`` are those of schemas.CustomerFilters, ``sort`` is one of search.KEYS, or one with a leading ``-``.
    """
    with resources.database.reading() as conn:
        customers, total = search.list_page(conn, limit=limit, offset=(page - 1) * limit, sort=sort, filters=filters)
    return {"customers": customers, **paging.place(len(customers), total, page=page, limit=limit)}


def update(
    resources: Resources, caller: Caller, uuid: UUID, changes: Mapping[str, Any], versions: Sequence[str] | None
) -> Row[Any]:
    """Change a customer and return the row; ``versions`` are those that If-Match allows, None any.

    A new password ends the other sessions of the account, disabling it ends all. Raises StatusForbidden,
    NothingToUpdate, LoginAgain, EmailTaken, CustomerNotFound, PreconditionFailed, NotAuthenticated, Busy, and
    InvalidInput for an unknown group.
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
        before = _locked(conn, caller, uuid)
        customer = sql.update(conn, uuid, values, versions)
        if customer is None:
            raise PreconditionFailed()
        # A login of this account waits for the lock: one that came first is seen here and ended.
        ended = 0
        if changes.get("status") == 0:
            ended = sessions.end_all(conn, "customer", customer.customer_id)
        elif "password" in changes:
            own = caller.customer.digest if caller.customer else None
            ended = sessions.end_all(conn, "customer", customer.customer_id, keep=own)
        if "password" in changes:
            recovery.forget(conn, customer.customer_id)
        _tell(resources, conn, before, changes)
        trail.record(conn, caller.actor, Subject("customer", uuid), _events(before, customer, changes, ended))
    resources.mail.wake.set()
    return customer


def _events(before: Row[Any], after: Row[Any], changes: Mapping[str, Any], sessions_ended: int) -> dict[Event, Details]:
    """Return what a change of a customer is recorded as: each security event by itself, the rest as one."""
    ended = {"sessions_ended": sessions_ended}
    events: dict[Event, Details] = {}
    if "password" in changes:
        events["password_changed"] = ended
    if after.email != before.email:
        events["email_changed"] = {}
    if after.status != before.status:
        events["status_changed"] = {"from": before.status, "to": after.status, **({} if after.status else ended)}
    if after.group_id != before.group_id:
        events["group_changed"] = {"from": before.group_id, "to": after.group_id}
    fields = ["full_name"] if after.full_name != before.full_name else []
    if fields or not events:
        events["customer_updated"] = {"fields": fields}
    return events


def change_password(resources: Resources, caller: Caller, current: str, new: str) -> None:
    """Give the signed-in customer a new password, by the current one; end the other sessions.

    A wrong one is counted and recorded as if it were a login's. Raises WrongPassword, TooManyAttempts,
    NotAuthenticated, Busy.
    """
    own = caller.customer
    assert own is not None, "the route is for customers"
    with guesses.counted(resources, "customer", own.email, caller.actor, "current_password_failed"):
        with resources.database.reading() as conn:
            hashed = sql.find_hash(conn, own.account_id)
        if not resources.passwords.verify(current, hashed):
            raise WrongPassword()
    values = {"password": resources.passwords.hash(new)}
    with resources.database.writing() as conn:
        before = _locked(conn, caller, own.uuid)
        # A change that came in between counts: the password that was checked is the current one no more.
        if sql.find_hash(conn, own.account_id) != hashed:
            raise WrongPassword()
        sql.update(conn, own.uuid, values)
        ended = sessions.end_all(conn, "customer", own.account_id, keep=own.digest)
        recovery.forget(conn, own.account_id)
        _tell(resources, conn, before, values)
        details = {"sessions_ended": ended}
        trail.record(conn, caller.actor, Subject("customer", own.uuid), {"password_changed": details})
    resources.mail.wake.set()


def delete(resources: Resources, caller: Caller, uuid: UUID, versions: Sequence[str] | None) -> Row[Any]:
    """Delete a customer with all that belongs to the account, and return the row as it was.

    ``versions`` are those that If-Match allows, None any. Raises LoginAgain, CustomerNotFound, PreconditionFailed,
    NotAuthenticated.
    """
    if caller.admin is None:
        _require_recent_login(caller)
    with resources.database.writing() as conn:
        _locked(conn, caller, uuid)
        customer = sql.delete(conn, uuid, versions)
        if customer is None:
            raise PreconditionFailed()
        trail.record(conn, caller.actor, Subject("customer", uuid), {"customer_deleted": {}})
    return customer


def _locked(conn: Connection, caller: Caller, uuid: UUID) -> Row[Any]:
    """Lock a customer's row and return it as it is before the act. Raises CustomerNotFound, NotAuthenticated.

    A customer's request may have waited long, and its session may have ended since it came in. Whatever ends sessions
    locks the customer first, so here, behind the lock, it shows: whoever is being thrown out gets no last word in.
    """
    found = sql.lock(conn, uuid)
    if caller.admin is None and caller.customer and not sessions.is_alive(conn, caller.customer.digest):
        raise NotAuthenticated()
    return _found(found)


def _tell(resources: Resources, conn: Connection, before: Row[Any], changes: Mapping[str, Any]) -> None:
    """Have the owner told, at the address as it was, of a new password or address (ASVS 5.0, 6.3.7)."""
    if not resources.mail.available:
        return
    if "password" in changes:
        outbox.enqueue(conn, "password_changed", before.email, before.customer_id)
    if changes.get("email", before.email) != before.email:
        outbox.enqueue(conn, "email_changed", before.email, before.customer_id)


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


def _require_recent_login(caller: Caller) -> None:
    if caller.customer is None or not caller.customer.recent:
        raise LoginAgain()
