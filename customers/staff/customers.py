"""One customer on pages: create, edit, enable and disable, send a reset mail, delete."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, request

from customers import rules
from customers.db.documents import Document
from customers.errors import NothingToUpdate, PreconditionFailed, ServiceError
from customers.features.accounts import schemas, service
from customers.features.audit import service as audit
from customers.features.passwords import service as passwords
from customers.features.sessions import service as sessions
from customers.http import context
from customers.http.json_body import load
from customers.security.callers import Claim
from customers.staff import forms, groups
from customers.staff.blueprint import back, blueprint, refused, show
from customers.staff.guard import go, page

LABELS = {"email": "E-mail", "full_name": "Name", "group_id": "Group"}


@blueprint.route("/admin/customers/new", methods=["GET", "POST"])
@page
def new_customer(claim: Claim) -> Response:
    """Create a customer."""
    if request.method != "POST":
        return _new({})
    values = forms.typed("email", "full_name", "group_id", "status", "password")
    try:
        new = load(schemas.NewCustomer(), values)
        uuid, *_ = service.create(context.current(), claim.caller, new)
    except ServiceError as error:
        return _new(values, **refused(error))
    return back(uuid, "created")


def _new(values: Mapping[str, str], **more: Any) -> Response:
    return show("customer_new.html", values=values, names=groups.names(), **more)


@blueprint.route("/admin/customers/edit/<uuid:uuid>", methods=["GET", "POST"])
@page
def edit_customer(claim: Claim, uuid: UUID) -> Response:
    """Show a customer, and change what the form says differently, if nobody has changed it since it was loaded."""
    ctx = context.current()
    stored = service.read(ctx, claim, uuid)
    if request.method != "POST":
        return _edit(claim, stored)
    values = forms.typed(*LABELS)
    changes = forms.differing(values, stored.parsed())
    if request.form.get("password"):
        changes["password"] = request.form["password"]
    version = forms.version()
    try:
        loaded = load(schemas.CustomerChanges(), changes)
        service.update(ctx, claim.caller, uuid, loaded, [version])
    except NothingToUpdate:
        return back(uuid, "same")
    except PreconditionFailed:
        return _edit(claim, service.read(ctx, claim, uuid), values, status=412, conflict=True, faults=_to_retype())
    except ServiceError as error:
        more = refused(error)
        more["faults"] = _to_retype() | more["faults"]
        return _edit(claim, stored, values, version=version, **more)
    return back(uuid, "saved")


def _to_retype() -> dict[str, list[str]]:
    """Return what to say at the field of a password that was typed, and is not shown again."""
    return {"password": ["Type the new password again."]} if request.form.get("password") else {}


def _edit(claim: Claim, customer: Document, values: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Return the page of a customer; ``version`` is what the form will insist on, by default what is shown."""
    ctx, found = context.current(), customer.parsed()
    uuid = UUID(found["uuid"])
    return show(
        "customer.html",
        customer=found,
        values=values or found,
        labels=LABELS,
        names=groups.names(),
        sessions=sessions.list_all(ctx, claim.caller, uuid),
        mail=ctx.mail.available,
        history=audit.list_page(ctx, uuid, page=1, limit=20).parsed(),
        **{"version": customer.version, **more},
    )


@blueprint.route("/admin/customers/edit/<uuid:uuid>/status", methods=["POST"])
@page
def set_status(claim: Claim, uuid: UUID) -> Response:
    """Enable or disable a customer."""
    changes = load(schemas.CustomerChanges(), forms.typed("status"))
    service.update(context.current(), claim.caller, uuid, changes, None)
    return back(uuid, "enabled" if changes["status"] else "disabled")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/password-mail", methods=["POST"])
@page
def mail_reset(claim: Claim, uuid: UUID) -> Response:
    """Have a reset mail sent to the customer."""
    ctx = context.current()
    email = service.read(ctx, claim, uuid).parsed()["email"]
    passwords.request_reset(ctx, claim.caller, email, uuid)
    return back(uuid, "mailed")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/delete", methods=["GET", "POST"])
@page
def delete_customer(claim: Claim, uuid: UUID) -> Response:
    """Delete a customer, once the e-mail has been typed."""
    ctx = context.current()
    stored = service.read(ctx, claim, uuid)
    customer = stored.parsed()
    if request.method != "POST":
        return show("customer_delete.html", customer=customer, typed="")
    typed = request.form.get("email", "")
    shown = forms.as_shown(customer["email"])
    if rules.with_ascii_domain(typed.strip()).lower() != rules.with_ascii_domain(shown).lower():
        faults = {"email": ["This is not the customer's e-mail address."]}
        return show("customer_delete.html", 400, customer=customer, typed=typed, faults=faults)
    try:
        # Just what has been compared: one that changes in this moment is not the one that was meant.
        service.delete(ctx, claim.caller, uuid, [stored.version])
    except PreconditionFailed as error:
        now = service.read(ctx, claim, uuid).parsed()
        return show("customer_delete.html", customer=now, typed=typed, **refused(error))
    return go("list_customers", done="deleted")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/sessions/end", methods=["POST"])
@page
def end_sessions(claim: Claim, uuid: UUID) -> Response:
    """End all of a customer's sessions."""
    sessions.end_others(context.current(), claim.caller, uuid)
    return back(uuid, "sessions-ended")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/sessions/<uuid:session_uuid>/end", methods=["POST"])
@page
def end_session(claim: Claim, uuid: UUID, session_uuid: UUID) -> Response:
    """End one of a customer's sessions."""
    sessions.end_one(context.current(), claim.caller, uuid, session_uuid)
    return back(uuid, "session-ended")
