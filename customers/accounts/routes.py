"""Customers over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy import Row

from customers import auth, errors, etags, paging
from customers.accounts import examples, schemas, service
from customers.api import Blueprint, raises, resources
from customers.idempotency.http import idempotent, once

blueprint = Blueprint("customers", __name__, url_prefix="/api/customers", description="Customer accounts")


@blueprint.route("", methods=["POST"])
@auth.anyone
@raises(errors.EmailTaken, errors.TooManyRequests, errors.Busy)
@idempotent
@blueprint.arguments(schemas.NewCustomer, example=examples.NEW)
@blueprint.response(201, schemas.LinkedCustomerAnswer, example=examples.LINKED, headers=etags.CREATED)
def create_customer(new: dict[str, Any]) -> Response:
    """Create a customer.

    Registers an account. The e-mail address must be unique, whatever its case. A network may register 20 times an hour;
    an admin is not limited.
    """

    def render(customer: Row[Any]) -> Response:
        location = url_for("customers.get_customer", uuid=customer.uuid)
        return etags.tagged(schemas.LinkedCustomerAnswer(), customer, 201, {"Location": location})

    act = once(render)
    service.create(resources(), auth.caller(), new, act)
    return act.answer


@blueprint.route("", methods=["GET"])
@auth.admin
@blueprint.arguments(schemas.ListQuery, location="query")
@blueprint.response(200, schemas.CustomerPage, example=examples.PAGE)
def list_customers(query: dict[str, Any]) -> dict[str, Any]:
    """List customers.

    All, or those that the filters leave; by ascending `customer_id`, or as `sort` says. Beyond the last page `data` is
    empty.
    """
    current, limit, sort = (query.pop(name) for name in ("page", "limit", "sort"))
    admin = auth.caller().admin
    page = service.list_page(resources(), page=current, limit=limit, sort=sort, filters=query, admin=admin)
    return paging.envelope(page, page["customers"], request.path, request.args, page=current, limit=limit)


@blueprint.route("/<customer:uuid>", methods=["GET"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound)
@etags.conditional_read
@blueprint.response(200, schemas.CustomerWithAddressesAnswer, example=examples.WITH_ADDRESSES)
def get_customer(uuid: UUID) -> Response:
    """Get a customer.

    With the addresses: the default first, then the oldest first. `me` stands for one's own uuid, here and below.
    """
    return etags.tagged(schemas.CustomerWithAddressesAnswer(), service.read(resources(), uuid))


@blueprint.route("/<customer:uuid>", methods=["PATCH"])
@auth.owner_or_admin
@raises(
    errors.NothingToUpdate,
    errors.StatusForbidden,
    errors.LoginAgain,
    errors.CustomerNotFound,
    errors.EmailTaken,
    errors.Busy,
)
@etags.conditional_write
@blueprint.arguments(schemas.CustomerChanges, example=examples.CHANGES)
@blueprint.response(200, schemas.LinkedCustomerAnswer, example=examples.LINKED, headers=etags.ETAG)
def update_customer(changes: dict[str, Any], uuid: UUID) -> Response:
    """Update a customer.

    Changes what the body names. One's own e-mail address or password needs a recent login; only an admin changes
    `status` and `group_id`. A new password ends the account's other sessions, disabling it ends all.
    """
    customer = service.update(resources(), auth.caller(), uuid, changes, etags.if_match())
    return etags.tagged(schemas.LinkedCustomerAnswer(), customer)


@blueprint.route("/<customer:uuid>", methods=["DELETE"])
@auth.owner_or_admin
@raises(errors.LoginAgain, errors.CustomerNotFound)
@etags.conditional_write
@blueprint.response(200, schemas.CustomerAnswer, example=examples.DELETED)
def delete_customer(uuid: UUID) -> dict[str, Row[Any]]:
    """Delete a customer.

    Removes the account with its addresses and sessions, for good, and answers it as it was. One's own needs a recent
    login.
    """
    return {"data": service.delete(resources(), auth.caller(), uuid, etags.if_match())}
