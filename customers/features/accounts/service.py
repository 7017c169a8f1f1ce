"""The acts on customers: create, read, list, update, delete, export."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID, uuid4

from marshmallow import ValidationError
from sqlalchemy import Connection, Row

from customers import errors, rules
from customers.context import Context
from customers.db import idempotency_keys
from customers.db.documents import Document, Page
from customers.db.engine import Fetch
from customers.db.idempotency_keys import Key
from customers.features.accounts import person_sql, search, sql
from customers.features.groups.sql import DEFAULT
from customers.mail import outbox
from customers.security import authorization, limits, sessions, trail
from customers.security.authorization import ME, Whose
from customers.security.callers import Actor, Caller, Claim
from customers.security.trail import Details, Event, Subject


def create(ctx: Context, caller: Caller, new: Mapping[str, Any], key: Key | None = None) -> tuple[UUID, Document, bool]:
    """Create a customer; return its uuid, the account, and whether an earlier request with this key created it.

    An admin may choose the group. Everyone else registers, and the registration counts against their network.
    Raises EmailTaken, TooManyRequests, Busy, IdempotencyKeyReused, InvalidInput for an unknown group, and
    CustomerNotFound for a key whose customer has been deleted since.
    """
    group_id = _group_id(caller, new) or DEFAULT
    with ctx.db.autocommit() as conn:
        earlier = idempotency_keys.find(conn, key)  # before anything is hashed
    if earlier:
        return earlier, _created_before(ctx.db.one_or_none, caller, earlier), True
    registers = caller.admin is None
    limited = limits.request(ctx.db, ctx.settings, "registrations", caller.origin) if registers else nullcontext()
    with limited:
        with ctx.hasher.place(caller.origin.network if registers else None):
            hashed = ctx.hasher.hash(new["password"])
        values = {"status": 1, **new, "group_id": group_id, "password": hashed}
        return _insert(ctx, caller, values, key)


def _insert(ctx: Context, caller: Caller, values: Mapping[str, Any], key: Key | None) -> tuple[UUID, Document, bool]:
    """Insert a customer: in one statement, or with an idempotency key in one transaction with the key."""
    event: Event = "customer_registered" if caller.admin is None else "customer_created"
    actor = caller.actor if caller.admin else Actor("anonymous", None, caller.origin)
    tell = ctx.evershop is not None
    if key is None:
        uuid = uuid4()
        created = sql.insert(ctx.db.one_or_none, event, actor, {**values, "uuid": uuid}, tell_evershop=tell)
    else:
        with ctx.db.writing() as tx:
            uuid, replayed = idempotency_keys.claim(tx.conn, key)
            if replayed:
                return uuid, _created_before(tx.one_or_none, caller, uuid), True
            created = sql.insert(tx.one_or_none, event, actor, {**values, "uuid": uuid}, tell_evershop=tell)
    trail.write_lines(actor, Subject("customer", uuid), {event: {}})
    return uuid, created, False


def _created_before(fetch: Fetch, caller: Caller, uuid: UUID) -> Document:
    """Return the account that an earlier request with the caller's key created.

    Whoever is no admin may register an e-mail of somebody else, who then makes the account theirs: so nobody else is
    shown an account that has changed since. Raises EmailTaken for such a one, CustomerNotFound.
    """
    document, unchanged = errors.found(sql.find(fetch, uuid), errors.CustomerNotFound)
    if caller.admin is None and not unchanged:
        raise errors.EmailTaken()
    return document


def _group_id(caller: Caller, body: Mapping[str, Any]) -> int | None:
    """Return the group that an admin's body names; None without one. Of others it is ignored, whatever it is."""
    if caller.admin is None or "group_id" not in body:
        return None
    try:
        return rules.whole_number(body["group_id"], 1, rules.LARGEST_ID)
    except ValidationError as fault:
        raise errors.InvalidInput(errors={"group_id": [str(message) for message in fault.messages]}) from None


def read(ctx: Context, claim: Claim, whose: Whose) -> Document:
    """Return a customer with the addresses, in one statement with who is calling.

    Raises NotAuthenticated, Forbidden, CustomerNotFound.
    """
    caller, document = sql.read(ctx.db, ctx.settings, claim, whose)
    if document is None:
        authorization.require_owner_or_admin(caller, whose)
        raise errors.CustomerNotFound()
    return document


def list_page(
    ctx: Context, claim: Claim, *, page: int, limit: int, sort: str = "customer_id", filters: Mapping[str, Any]
) -> Page:
    """Return a page of customers, by ``filters`` of schemas.CustomerFilters, sorted as ListQuery says.

    Raises NotAuthenticated, Forbidden.
    """
    caller, found = search.read_page(ctx.db, ctx.settings, claim, number=page, limit=limit, sort=sort, filters=filters)
    authorization.require_admin(caller)
    assert found is not None, "an admin gets a page"
    return found


def rename_own(
    ctx: Context, claim: Claim, whose: Whose, full_name: str, versions: Sequence[str] | None
) -> Document | None:
    """Rename the caller's own account in one statement with who is calling.

    None, and nothing done, for others, or if If-Match does not match.
    """
    if whose != ME and claim.has_admin_cookie:
        return None  # an admin may be calling, which the general path finds out
    found = sql.rename_own(ctx.db, ctx.settings, claim, whose, full_name, versions)
    if found is None:
        return None
    caller, renamed, differs = found
    details = {"fields": ["full_name"] if differs else []}
    subject = Subject("customer", authorization.require_customer(caller).uuid)
    trail.write_lines(caller.actor, subject, {"customer_updated": details})
    return renamed


def update(
    ctx: Context, caller: Caller, uuid: UUID, changes: Mapping[str, Any], versions: Sequence[str] | None
) -> Row[Any]:
    """Change a customer and return the row; ``versions`` are those that If-Match allows, None any.

    A new password ends the other sessions of the account, disabling it ends all. Raises StatusForbidden,
    NothingToUpdate, LoginAgain, EmailTaken, TooManyRequests, CustomerNotFound, PreconditionFailed, NotAuthenticated,
    Busy, and InvalidInput for an unknown group.
    """
    if caller.admin is None and "status" in changes:
        raise errors.StatusForbidden()
    values = {name: value for name, value in changes.items() if name != "group_id"}
    if group_id := _group_id(caller, changes):
        values["group_id"] = group_id
    if not values:
        raise errors.NothingToUpdate()
    # An own e-mail that is sent unchanged needs no recent login; an admin needs none anyway, and is not limited.
    account = caller.customer
    changes_email = account is not None and values.get("email", account.email) != account.email
    if "password" in values or changes_email:
        authorization.require_recent_login(caller)
    if "password" in values:
        with ctx.hasher.place(None if caller.admin else caller.origin.network):
            values["password"] = ctx.hasher.hash(values["password"])
    limits_change = caller.admin is None and changes_email
    limited = limits.email_change(ctx.db, ctx.settings, uuid, caller.origin) if limits_change else nullcontext()
    with limited, ctx.db.writing() as tx:
        before = _lock(tx.conn, caller, uuid)
        ended = 0
        if "password" in values or values.get("status") == 0:
            own = caller.customer.digest if caller.customer and values.get("status") != 0 else None
            ended = ctx.end_sessions(tx.conn, "customer", before.customer_id, keep=own)
        customer = errors.found(sql.update(tx.conn, uuid, values, versions), errors.PreconditionFailed)
        if "status" in values:
            sql.end_pending(tx.conn, customer.customer_id)
        if "password" in values:
            outbox.tell(tx, ctx.mail, "password_changed", before)
        if customer.email != before.email:
            outbox.tell(tx, ctx.mail, "email_changed", before)
        trail.record(tx, caller.actor, Subject("customer", uuid), _events(before, customer, values, ended))
    return customer


def _events(before: Row[Any], after: Row[Any], values: Mapping[str, Any], sessions_ended: int) -> dict[Event, Details]:
    """Return what a change of a customer is recorded as: each security event by itself, the rest as one."""
    ended = {"sessions_ended": sessions_ended}
    events: dict[Event, Details] = {}
    if "password" in values:
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


def delete(ctx: Context, caller: Caller, uuid: UUID, versions: Sequence[str] | None) -> Row[Any]:
    """Delete a customer with all that belongs to the account, and return the row as it was.

    Raises LoginAgain, CustomerNotFound, PreconditionFailed, NotAuthenticated.
    """
    authorization.require_recent_login(caller)
    with ctx.db.writing() as tx:
        _lock(tx.conn, caller, uuid)
        customer = errors.found(sql.delete(tx.conn, uuid, versions), errors.PreconditionFailed)
        trail.record(tx, caller.actor, Subject("customer", uuid), {"customer_deleted": {}})
    return customer


def export(ctx: Context, caller: Caller, uuid: UUID) -> str:
    """Return as JSON what is stored about a person, without secrets (GDPR, articles 15, 20); record an admin's read.

    Raises CustomerNotFound.
    """
    with ctx.db.writing() as tx:
        person = errors.found(person_sql.gather(tx.conn, uuid), errors.CustomerNotFound)
        if caller.admin is not None:
            trail.record(tx, caller.actor, Subject("customer", uuid), {"customer_exported": {}})
    return person


def _lock(conn: Connection, caller: Caller, uuid: UUID) -> Row[Any]:
    """Lock a customer's row and return it as it is before the act. Raises CustomerNotFound, NotAuthenticated."""
    found = sql.lock(conn, uuid)
    sessions.require_alive(conn, caller)
    return errors.found(found, errors.CustomerNotFound)
