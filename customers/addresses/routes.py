"""A customer's addresses over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from sqlalchemy import Row

from customers import auth, errors, etags
from customers.addresses import examples, schemas, service
from customers.api import Blueprint, raises, resources
from customers.idempotency.http import idempotent, once

blueprint = Blueprint(
    "addresses", __name__, url_prefix="/api/customers/<customer:uuid>/addresses", description="A customer's addresses"
)


def _linked(address: Row[Any], customer_uuid: UUID) -> dict[str, Any]:
    """Return an address with its links; a mapping, because a row takes no additions."""
    href = url_for("addresses.get_address", uuid=customer_uuid, address_uuid=address.uuid)
    links = [
        {"rel": rel, "href": href, "action": action, "types": ["application/json"]}
        for rel, action in (("edit", "PATCH"), ("delete", "DELETE"))
    ]
    return {**address._mapping, "links": links}


@blueprint.route("", methods=["GET"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound)
@blueprint.response(200, schemas.AddressesAnswer, example=examples.LIST)
def list_addresses(uuid: UUID) -> dict[str, Any]:
    """List a customer's addresses.

    The default first, then the oldest first.
    """
    return {"data": service.list_all(resources(), uuid)}


@blueprint.route("", methods=["POST"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound, errors.TooManyAddresses)
@idempotent
@blueprint.arguments(schemas.NewAddress, example=examples.NEW)
@blueprint.response(201, schemas.LinkedAddressAnswer, example=examples.LINKED, headers=etags.CREATED)
def create_address(new: dict[str, Any], uuid: UUID) -> Response:
    """Add an address.

    A new default takes the place of the old one.
    """

    def render(address: Row[Any]) -> Response:
        location = url_for("addresses.get_address", uuid=uuid, address_uuid=address.uuid)
        body = _linked(address, uuid)
        return etags.tagged(schemas.LinkedAddressAnswer(), body, 201, {"Location": location})

    act = once(render)
    service.create(resources(), auth.caller(), uuid, new, act)
    return act.answer


@blueprint.route("/<uuid:address_uuid>", methods=["GET"])
@auth.owner_or_admin
@raises(errors.AddressNotFound)
@etags.conditional_read
@blueprint.response(200, schemas.AddressAnswer, example=examples.ONE)
def get_address(uuid: UUID, address_uuid: UUID) -> Response:
    """Get one of a customer's addresses."""
    return etags.tagged(schemas.AddressAnswer(), service.read(resources(), uuid, address_uuid))


@blueprint.route("/<uuid:address_uuid>", methods=["PATCH"])
@auth.owner_or_admin
@raises(errors.AddressNotFound, errors.NothingToUpdate)
@etags.conditional_write
@blueprint.arguments(schemas.AddressChanges, example=examples.CHANGES)
@blueprint.response(200, schemas.LinkedAddressAnswer, example=examples.LINKED, headers=etags.ETAG)
def update_address(changes: dict[str, Any], uuid: UUID, address_uuid: UUID) -> Response:
    """Update an address.

    Changes what the body names; the whole address must be valid then.
    """
    address = service.update(resources(), auth.caller(), uuid, address_uuid, changes, etags.if_match())
    return etags.tagged(schemas.LinkedAddressAnswer(), _linked(address, uuid))


@blueprint.route("/<uuid:address_uuid>", methods=["DELETE"])
@auth.owner_or_admin
@raises(errors.AddressNotFound)
@etags.conditional_write
@blueprint.response(200, schemas.AddressAnswer, example=examples.ONE)
def delete_address(uuid: UUID, address_uuid: UUID) -> dict[str, Row[Any]]:
    """Delete an address.

    Answers it as it was.
    """
    return {"data": service.delete(resources(), auth.caller(), uuid, address_uuid, etags.if_match())}
