"""Groups of customers over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, url_for
from sqlalchemy import Row

from customers import auth, errors
from customers.api import Blueprint, raises, resources
from customers.groups import schemas, service
from customers.idempotency.http import idempotent, once

blueprint = Blueprint("groups", __name__, url_prefix="/api/customer-groups", description="Groups of customers")

NEW = {"group_name": "Wholesale"}
_GROUP: dict[str, Any] = {
    "customer_group_id": 2,
    "uuid": "7c0e2b3a-5d0f-4b8e-9d37-0b9a3b2f6c11",
    "group_name": "Wholesale",
    "created_at": "2023-02-07 14:18:05",
    "updated_at": "2023-02-07 14:18:05",
}
ONE = {"data": _GROUP}
COUNTED = {"data": {**_GROUP, "customers": 42}}
LIST = {"data": [{**_GROUP, "customers": 42}]}
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of what was created"}}


@blueprint.route("", methods=["GET"])
@auth.admin
@blueprint.response(200, schemas.GroupsAnswer, example=LIST)
def list_groups() -> dict[str, Any]:
    """List all groups.

    The oldest first; the first is the one where every customer belongs that is in no other.
    """
    return {"data": service.list_all(resources())}


@blueprint.route("", methods=["POST"])
@auth.admin
@raises(errors.GroupNameTaken)
@idempotent
@blueprint.arguments(schemas.NewGroup, example=NEW)
@blueprint.response(201, schemas.GroupAnswer, example=ONE, headers=LOCATION)
def create_group(new: dict[str, Any]) -> Response:
    """Create a group."""

    def render(group: Row[Any]) -> Response:
        response = jsonify(schemas.GroupAnswer().dump({"data": group}))
        response.status_code = 201
        response.headers["Location"] = url_for("groups.get_group", group_uuid=group.uuid)
        return response

    act = once(render)
    service.create(resources(), auth.caller(), new, act)
    return act.answer


@blueprint.route("/<uuid:group_uuid>", methods=["GET"])
@auth.admin
@raises(errors.GroupNotFound)
@blueprint.response(200, schemas.CountedGroupAnswer, example=COUNTED)
def get_group(group_uuid: UUID) -> dict[str, Row[Any]]:
    """Get a group."""
    return {"data": service.read(resources(), group_uuid)}


@blueprint.route("/<uuid:group_uuid>", methods=["PATCH"])
@auth.admin
@raises(errors.GroupNotFound, errors.NothingToUpdate, errors.GroupNameTaken)
@blueprint.arguments(schemas.GroupChanges, example=NEW)
@blueprint.response(200, schemas.GroupAnswer, example=ONE)
def update_group(changes: dict[str, Any], group_uuid: UUID) -> dict[str, Row[Any]]:
    """Rename a group."""
    return {"data": service.update(resources(), auth.caller(), group_uuid, changes)}


@blueprint.route("/<uuid:group_uuid>", methods=["DELETE"])
@auth.admin
@raises(errors.GroupNotFound, errors.DefaultGroup)
@blueprint.response(200, schemas.GroupAnswer, example=ONE)
def delete_group(group_uuid: UUID) -> dict[str, Row[Any]]:
    """Delete a group.

    Its customers move to the first group, which cannot be deleted. Answers it as it was.
    """
    return {"data": service.delete(resources(), auth.caller(), group_uuid)}
