"""Groups of customers on staff."""

from typing import Any
from uuid import UUID

from flask import Response, request

from customers.errors import NothingToUpdate, ServiceError
from customers.features.groups import schemas, service
from customers.http import context
from customers.http.json_body import load
from customers.security.callers import Claim
from customers.staff import forms
from customers.staff.blueprint import blueprint, refused, show
from customers.staff.guard import go, page


def names() -> dict[str, str]:
    """Return the groups' names by their ids, as a field of a form holds them."""
    return {str(group.customer_group_id): group.group_name for group in service.list_all(context.current())}


def _list(name: str = "", **more: Any) -> Response:
    return show("groups.html", groups=service.list_all(context.current()), name=name, **more)


def _one(uuid: UUID, name: str | None = None, **more: Any) -> Response:
    group = service.read(context.current(), uuid)
    default = group.customer_group_id == service.DEFAULT
    return show("group.html", group=group, default=default, name=group.group_name if name is None else name, **more)


@blueprint.route("/admin/groups", methods=["GET", "POST"])
@page
def list_groups(claim: Claim) -> Response:
    """Show the groups, and create one."""
    if request.method != "POST":
        return _list()
    values = forms.typed("group_name")
    try:
        service.create(context.current(), claim.caller, load(schemas.NewGroup(), values))
    except ServiceError as error:
        return _list(values["group_name"], **refused(error))
    return go("list_groups", done="group-created")


@blueprint.route("/admin/groups/<uuid:uuid>", methods=["GET", "POST"])
@page
def edit_group(claim: Claim, uuid: UUID) -> Response:
    """Show a group, and rename it."""
    if request.method != "POST":
        return _one(uuid)
    values = forms.typed("group_name")
    try:
        changes = forms.differing(values, service.read(context.current(), uuid)._asdict())
        service.update(context.current(), claim.caller, uuid, load(schemas.GroupChanges(), changes))
    except NothingToUpdate:
        return go("list_groups", done="same")
    except ServiceError as error:
        return _one(uuid, values["group_name"], **refused(error))
    return go("list_groups", done="group-renamed")


@blueprint.route("/admin/groups/<uuid:uuid>/delete", methods=["POST"])
@page
def delete_group(claim: Claim, uuid: UUID) -> Response:
    """Delete a group; its customers go to the default one."""
    service.delete(context.current(), claim.caller, uuid)
    return go("list_groups", done="group-deleted")
