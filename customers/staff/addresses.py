"""A customer's addresses on staff."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy import Row

from customers.errors import NothingToUpdate, PreconditionFailed, ServiceError
from customers.features.accounts import service as accounts
from customers.features.addresses import schemas, service
from customers.http import context
from customers.http.json_body import load
from customers.security.callers import Claim
from customers.staff import forms
from customers.staff.blueprint import back, blueprint, refused, show
from customers.staff.guard import page

# In the order of the form; the default is a box below them.
LABELS = {
    "full_name": "Name",
    "telephone": "Telephone",
    "address_1": "Street",
    "address_2": "Second line",
    "postcode": "Postcode",
    "city": "City",
    "province": "Province or state",
    "country": "Country",
}


def _form(claim: Claim, uuid: UUID, address: Row[Any] | None, values: Mapping[str, Any], **more: Any) -> Response:
    customer = accounts.read(context.current(), claim, uuid).parsed()
    kept = {"version": address and address.version, **more}
    return show("address.html", customer=customer, address=address, values=values, labels=LABELS, **kept)


def _sent() -> dict[str, Any]:
    return {**forms.typed(*LABELS), "is_default": "is_default" in request.form}


@blueprint.route("/admin/customers/edit/<uuid:uuid>/addresses/new", methods=["GET", "POST"])
@page
def add_address(claim: Claim, uuid: UUID) -> Response:
    """Add an address."""
    if request.method != "POST":
        return _form(claim, uuid, None, {})
    values = _sent()
    try:
        service.create(context.current(), claim.caller, uuid, load(schemas.NewAddress(), values))
    except ServiceError as error:
        return _form(claim, uuid, None, values, **refused(error))
    return back(uuid, "address-added")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/addresses/<uuid:address_uuid>", methods=["GET", "POST"])
@page
def edit_address(claim: Claim, uuid: UUID, address_uuid: UUID) -> Response:
    """Change an address, if nobody has changed it since the form was loaded."""
    stored = service.read(context.current(), uuid, address_uuid)
    if request.method != "POST":
        return _form(claim, uuid, stored, stored._asdict())
    values = _sent()
    try:
        loaded = load(schemas.AddressChanges(), forms.differing(values, stored._asdict()))
        service.update(context.current(), claim.caller, uuid, address_uuid, loaded, [forms.version()])
    except NothingToUpdate:
        return back(uuid, "same")
    except PreconditionFailed:
        now = service.read(context.current(), uuid, address_uuid)
        return _form(claim, uuid, now, values, status=412, conflict=True)
    except ServiceError as error:
        return _form(claim, uuid, stored, values, version=forms.version(), **refused(error))
    return back(uuid, "address-saved")


@blueprint.route("/admin/customers/edit/<uuid:uuid>/addresses/<uuid:address_uuid>/delete", methods=["POST"])
@page
def delete_address(claim: Claim, uuid: UUID, address_uuid: UUID) -> Response:
    """Delete an address."""
    service.delete(context.current(), claim.caller, uuid, address_uuid, None)
    return back(uuid, "address-deleted")
