"""Groups of customers on pages."""

from typing import Any
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for

from customers import auth
from customers.api import resources
from customers.errors import ServiceError
from customers.groups import schemas, service
from customers.idempotency.once import Once
from customers.pages import forms
from customers.pages.blueprint import blueprint, refused, show
from customers.pages.guard import page


def names() -> dict[str, str]:
    """Return the groups' names by their ids, as a field of a form holds them."""
    return {str(group.customer_group_id): group.group_name for group in service.list_all(resources())}


def _back(done: str) -> Response:
    return make_response(redirect(url_for("pages.list_groups", done=done), 303))


def _list(name: str = "", status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> Response:
    return show("groups.html", status, headers, groups=service.list_all(resources()), name=name, **more)


def _one(uuid: UUID, name: str | None = None, status: int = 200, headers: Any = None, **more: Any) -> Response:
    group = service.read(resources(), uuid)
    default = group.customer_group_id == service.DEFAULT
    name = group.group_name if name is None else name
    return show("group.html", status, headers, group=group, default=default, name=name, **more)


@blueprint.route("/admin/groups", methods=["GET", "POST"])
@page
def list_groups() -> Response:
    """Show the groups, and create one."""
    if request.method == "GET":
        return _list()
    values = forms.typed("group_name")
    act = Once(lambda _: _back("group-created"))
    try:
        service.create(resources(), auth.caller(), forms.checked(schemas.NewGroup(), values), act)
    except ServiceError as error:
        return _list(values["group_name"], **refused(error))
    return act.answer


@blueprint.route("/admin/groups/<uuid:uuid>", methods=["GET", "POST"])
@page
def edit_group(uuid: UUID) -> Response:
    """Show a group, and rename it."""
    if request.method == "GET":
        return _one(uuid)
    values = forms.typed("group_name")
    try:
        service.update(resources(), auth.caller(), uuid, forms.checked(schemas.GroupChanges(), values))
    except ServiceError as error:
        return _one(uuid, values["group_name"], **refused(error))
    return _back("group-renamed")


@blueprint.route("/admin/groups/<uuid:uuid>/delete", methods=["POST"])
@page
def delete_group(uuid: UUID) -> Response:
    """Delete a group; its customers go to the default one."""
    try:
        service.delete(resources(), auth.caller(), uuid)
    except ServiceError as error:
        return _one(uuid, **refused(error))
    return _back("group-deleted")
