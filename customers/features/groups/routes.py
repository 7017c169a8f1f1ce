"""Groups of customers over HTTP."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers import errors
from customers.db.idempotency_keys import Key
from customers.features.groups import schemas, service
from customers.http import access, context
from customers.http.answers import Created, answers
from customers.http.idempotency import idempotent
from customers.http.openapi import Blueprint
from customers.security.callers import Caller

blueprint = Blueprint("groups", __name__, url_prefix="/api/customer-groups", description="Groups of customers")


@blueprint.route("", methods=["GET"])
@answers(200, schemas.CountedGroup, many=True)
@access.admin
def list_groups(_caller: Caller) -> Sequence[Row[Any]]:
    """List all groups, the oldest first; the first is the default one."""
    return service.list_all(context.current())


@blueprint.route("", methods=["POST"])
@answers(201, schemas.Group, raises=(errors.GroupNameTaken, errors.GroupNotFound))
@access.admin
@idempotent
@blueprint.arguments(schemas.NewGroup)
def create_group(caller: Caller, new: dict[str, Any], key: Key | None) -> Created:
    """Create a group."""
    group, replayed = service.create(context.current(), caller, new, key)
    return Created(group, f"/api/customer-groups/{group.uuid}", replayed)


@blueprint.route("/<uuid:group_uuid>", methods=["GET"])
@answers(200, schemas.CountedGroup, raises=(errors.GroupNotFound,))
@access.admin
def get_group(_caller: Caller, group_uuid: UUID) -> Row[Any]:
    """Get a group."""
    return service.read(context.current(), group_uuid)


@blueprint.route("/<uuid:group_uuid>", methods=["PATCH"])
@answers(200, schemas.Group, raises=(errors.GroupNotFound, errors.NothingToUpdate, errors.GroupNameTaken))
@access.admin
@blueprint.arguments(schemas.GroupChanges)
def update_group(caller: Caller, changes: dict[str, Any], group_uuid: UUID) -> Row[Any]:
    """Rename a group."""
    return service.update(context.current(), caller, group_uuid, changes)


@blueprint.route("/<uuid:group_uuid>", methods=["DELETE"])
@answers(200, schemas.Group, raises=(errors.GroupNotFound, errors.DefaultGroup))
@access.admin
def delete_group(caller: Caller, group_uuid: UUID) -> Row[Any]:
    """Delete a group; its customers move to the default group, which cannot be deleted."""
    return service.delete(context.current(), caller, group_uuid)
