"""One customer on pages: create, edit, enable and disable, a link for a new password, delete."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for
from sqlalchemy import Row

from customers import auth, errors
from customers.accounts import schemas, service
from customers.api import resources
from customers.errors import NothingToUpdate, PreconditionFailed, ServiceError
from customers.idempotency.once import Once
from customers.pages import forms, groups, history
from customers.pages.blueprint import blueprint, refused, show
from customers.pages.guard import page
from customers.recovery import service as recovery
from customers.sessions import service as sessions

# What the form changes, with its labels.
LABELS = {"email": "E-mail", "full_name": "Name", "group_id": "Group"}


def _back(uuid: UUID, done: str) -> Response:
    return make_response(redirect(url_for("pages.edit_customer", uuid=uuid, done=done), 303))


@blueprint.route("/admin/customers/new", methods=["GET", "POST"])
@page
def new_customer() -> Response:
    """Create a customer."""
    if request.method == "GET":
        return _new({"email": "", "full_name": "", "group_id": "", "status": "1"})
    values = forms.typed("email", "full_name", "group_id", "status", "password")
    act = Once(lambda row: _back(row.uuid, "created"))
    try:
        new = forms.checked(schemas.NewCustomer(), values)
        service.create(resources(), auth.caller(), new, act)
    except ServiceError as error:
        return _new(values, **refused(error))
    return act.answer


def _new(values: Mapping[str, str], status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> Response:
    return show("customer_new.html", status, headers, values=values, names=groups.names(), **more)


@blueprint.route("/admin/customers/edit/<uuid:uuid>", methods=["GET", "POST"])
@page
def edit_customer(uuid: UUID) -> Response:
    """Show a customer, and change what the form says differently, if nobody has changed it since it was loaded."""
    stored = service.read(resources(), uuid)
    before = _values(stored)
    if request.method == "GET":
        return _edit(stored, before)
    values = forms.typed(*LABELS)
    changes: dict[str, Any] = forms.differing(values, before)
    if request.form.get("password"):
        changes["password"] = request.form["password"]
    try:
        loaded = forms.checked(schemas.CustomerChanges(), changes)
        service.update(resources(), auth.caller(), uuid, loaded, [request.form.get("version", "")])
    except NothingToUpdate:
        return _back(uuid, "same")
    except PreconditionFailed:
        now = service.read(resources(), uuid)
        return _edit(now, values, 412, conflict=_values(now))
    except ServiceError as error:
        return _edit(stored, values, version=request.form.get("version", ""), **refused(error))
    return _back(uuid, "saved")


def _values(customer: Row[Any]) -> dict[str, str]:
    """Return a customer as the fields of the form."""
    return {name: forms.shown(customer._mapping[name]) for name in LABELS}


def _edit(
    customer: Row[Any],
    values: Mapping[str, str],
    status: int = 200,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return the page of a customer; ``version`` is what the form will insist on, by default what is shown."""
    kept = {
        "version": customer.version,
        "conflict": None,
        "labels": LABELS,
        "names": groups.names(),
        "sessions": sessions.list_all(resources(), auth.caller(), customer.uuid),
        "mail": resources().mail.available,
        "history": history.latest(customer.uuid),
    }
    return show("customer.html", status, headers, customer=customer, values=values, **{**kept, **more})


@blueprint.route("/admin/customers/edit/<uuid:uuid>/status", methods=["POST"])
@page
def set_status(uuid: UUID) -> Response:
    """Enable or disable a customer."""
    changes = forms.checked(schemas.CustomerChanges(), forms.typed("status"))
    service.update(resources(), auth.caller(), uuid, changes, None)
    return _back(uuid, "enabled" if changes["status"] else "disabled")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/password-mail", methods=["POST"])
@page
def mail_reset(uuid: UUID) -> Response:
    """Have a link for a new password sent to the customer."""
    customer = service.read(resources(), uuid)
    try:
        recovery.request_reset(resources(), auth.caller(), customer.email, uuid)
    except errors.MailUnavailable as error:
        return _edit(customer, _values(customer), **refused(error))
    return _back(uuid, "mailed")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/delete", methods=["GET", "POST"])
@page
def delete_customer(uuid: UUID) -> Response:
    """Delete a customer, once the e-mail address has been typed."""
    customer = service.read(resources(), uuid)
    if request.method == "GET":
        return show("customer_delete.html", customer=customer, typed="")
    typed = request.form.get("email", "")
    if typed.strip().lower() != customer.email.lower():
        fault = errors.InvalidInput(errors={"email": ["This is not the customer's e-mail address."]})
        return show("customer_delete.html", customer=customer, typed=typed, **refused(fault))
    try:
        # Just what has been compared: one that changes in this moment is not the one that was meant.
        service.delete(resources(), auth.caller(), uuid, [customer.version])
    except PreconditionFailed as error:
        now = service.read(resources(), uuid)
        return show("customer_delete.html", customer=now, typed=typed, **refused(error))
    return make_response(redirect(url_for("pages.list_customers", done="deleted"), 303))


@blueprint.route("/admin/customers/edit/<uuid:uuid>/sessions/end", methods=["POST"])
@page
def end_sessions(uuid: UUID) -> Response:
    """End all sessions of a customer."""
    sessions.end_others(resources(), auth.caller(), uuid)
    return _back(uuid, "sessions-ended")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/sessions/<uuid:session_uuid>/end", methods=["POST"])
@page
def end_session(uuid: UUID, session_uuid: UUID) -> Response:
    """End one session of a customer."""
    sessions.end_one(resources(), auth.caller(), uuid, session_uuid)
    return _back(uuid, "session-ended")
