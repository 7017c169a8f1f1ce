"""Customers over HTTP."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request, url_for
from sqlalchemy import Row

from customers import auth, errors
from customers.accounts import examples, schemas, service
from customers.api import Blueprint, raises, resources

blueprint = Blueprint("customers", __name__, url_prefix="/api/customers", description="Customer accounts")


@blueprint.route("", methods=["POST"])
@auth.anyone
@raises(errors.EmailTaken, errors.Busy)
@blueprint.arguments(schemas.NewCustomer, example=examples.NEW)
@blueprint.response(
    201,
    schemas.LinkedCustomerAnswer,
    example=examples.LINKED,
    headers={"Location": {"schema": {"type": "string"}, "description": "The customer's path"}},
)
def create_customer(new: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Create a customer.

    Registers an account. The e-mail address must be unique, whatever its case.
    """
    customer = service.create(resources(), new)
    return {"data": customer}, {"Location": url_for("customers.get_customer", uuid=customer.uuid)}


@blueprint.route("", methods=["GET"])
@auth.admin
@blueprint.arguments(schemas.PageQuery, location="query")
@blueprint.response(200, schemas.CustomerPage, example=examples.PAGE)
def list_customers(query: dict[str, int]) -> dict[str, Any]:
    """List all customers.

    By ascending `customer_id`. Beyond the last page `data` is empty.
    """
    page = service.list_page(resources(), page=query["page"], limit=query["limit"])
    current, last = query["page"], page["last_page"]
    return {
        "data": page["customers"],
        "links": {
            "first": _page_href(1),
            "last": _page_href(last),
            "prev": _page_href(min(current - 1, last)) if current > 1 else None,
            "next": _page_href(current + 1) if current < last else None,
        },
        "meta": {
            "current_page": current,
            "from_": page["from"],
            "last_page": last,
            "path": request.path,
            "per_page": query["limit"],
            "to": page["to"],
            "total": page["total"],
        },
    }


def _page_href(page: int) -> str:
    """Return the path of another page of this list, with the request's other query parameters."""
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    return f"{request.path}?{urlencode([('page', page), *others])}"


@blueprint.route("/<uuid:uuid>", methods=["GET"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound)
@blueprint.response(200, schemas.CustomerWithAddressesAnswer, example=examples.WITH_ADDRESSES)
def get_customer(uuid: UUID) -> dict[str, Row[Any]]:
    """Get a customer.

    With the addresses: the default first, then the oldest first.
    """
    return {"data": service.read(resources(), uuid)}


@blueprint.route("/<uuid:uuid>", methods=["PATCH"])
@auth.owner_or_admin
@raises(
    errors.NothingToUpdate,
    errors.StatusForbidden,
    errors.LoginAgain,
    errors.CustomerNotFound,
    errors.EmailTaken,
    errors.Busy,
)
@blueprint.arguments(schemas.CustomerChanges, example=examples.CHANGES)
@blueprint.response(200, schemas.LinkedCustomerAnswer, example=examples.LINKED)
def update_customer(changes: dict[str, Any], uuid: UUID) -> dict[str, Row[Any]]:
    """Update a customer.

    Changes what the body names. One's own e-mail address or password needs a recent login; only an admin changes
    `status`. A new password ends the account's other sessions, disabling it ends all.
    """
    return {"data": service.update(resources(), auth.caller(), uuid, changes)}


@blueprint.route("/<uuid:uuid>", methods=["DELETE"])
@auth.owner_or_admin
@raises(errors.LoginAgain, errors.CustomerNotFound)
@blueprint.response(200, schemas.CustomerAnswer, example=examples.DELETED)
def delete_customer(uuid: UUID) -> dict[str, Row[Any]]:
    """Delete a customer.

    Removes the account with its addresses and sessions, for good, and answers it as it was. One's own needs a recent
    login.
    """
    return {"data": service.delete(resources(), auth.caller(), uuid)}
