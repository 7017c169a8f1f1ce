"""A customer's addresses over HTTP."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from customers import errors
from customers.db.idempotency_keys import Key
from customers.features.addresses import schemas, service
from customers.http import access, context, etags
from customers.http.answers import Created, answers
from customers.http.idempotency import idempotent
from customers.http.openapi import Blueprint
from customers.security.callers import Caller

blueprint = Blueprint(
    "addresses", __name__, url_prefix="/api/customers/<customer:uuid>/addresses", description="A customer's addresses"
)


def _path(customer_uuid: UUID, address_uuid: UUID) -> str:
    return f"/api/customers/{customer_uuid}/addresses/{address_uuid}"


def _linked(address: Row[Any], customer_uuid: UUID) -> dict[str, Any]:
    links = [
        {"rel": rel, "href": _path(customer_uuid, address.uuid), "action": action, "types": ["application/json"]}
        for rel, action in (("edit", "PATCH"), ("delete", "DELETE"))
    ]
    return {**address._mapping, "links": links}


@blueprint.route("", methods=["GET"])
@answers(200, schemas.StoredAddress, many=True, raises=(errors.CustomerNotFound,))
@access.owner_or_admin
def list_addresses(_caller: Caller, uuid: UUID) -> Sequence[Row[Any]]:
    """List a customer's addresses, the default first, then the oldest first."""
    return service.list_all(context.current(), uuid)


@blueprint.route("", methods=["POST"])
@answers(
    201,
    schemas.LinkedAddress,
    etag=True,
    raises=(errors.CustomerNotFound, errors.AddressNotFound, errors.TooManyAddresses),
)
@access.owner_or_admin
@idempotent
@blueprint.arguments(schemas.NewAddress)
def create_address(caller: Caller, new: dict[str, Any], uuid: UUID, key: Key | None) -> Created:
    """Add an address; a new default clears the previous one."""
    address, replayed = service.create(context.current(), caller, uuid, new, key)
    return Created(_linked(address, uuid), _path(uuid, address.uuid), replayed)


@blueprint.route("/<uuid:address_uuid>", methods=["GET"])
@answers(200, schemas.StoredAddress, etag=True, raises=(errors.AddressNotFound,))
@access.owner_or_admin
@etags.if_none_match
def get_address(_caller: Caller, uuid: UUID, address_uuid: UUID) -> Row[Any]:
    """Get one of a customer's addresses."""
    return service.read(context.current(), uuid, address_uuid)


@blueprint.route("/<uuid:address_uuid>", methods=["PATCH"])
@answers(200, schemas.LinkedAddress, etag=True, raises=(errors.AddressNotFound, errors.NothingToUpdate))
@access.owner_or_admin
@etags.if_match
@blueprint.arguments(schemas.AddressChanges(partial=True))
def update_address(
    caller: Caller, changes: dict[str, Any], uuid: UUID, address_uuid: UUID, versions: Sequence[str] | None
) -> dict[str, Any]:
    """Update an address: change what the body names. No required field may be blank then, sent or stored."""
    return _linked(service.update(context.current(), caller, uuid, address_uuid, changes, versions), uuid)


@blueprint.route("/<uuid:address_uuid>", methods=["DELETE"])
@answers(200, schemas.StoredAddress, raises=(errors.AddressNotFound,))
@access.owner_or_admin
@etags.if_match
def delete_address(caller: Caller, uuid: UUID, address_uuid: UUID, versions: Sequence[str] | None) -> Row[Any]:
    """Delete an address, and answer it as it was."""
    return service.delete(context.current(), caller, uuid, address_uuid, versions)
