"""Customers over HTTP."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Row

from customers import errors
from customers.db.documents import Document, Page, encode
from customers.db.idempotency_keys import Key
from customers.features.accounts import schemas, service
from customers.http import access, context, etags
from customers.http.answers import Created, JsonResponse, answers
from customers.http.idempotency import idempotent
from customers.http.openapi import Blueprint, header
from customers.security import authorization
from customers.security.authorization import Whose
from customers.security.callers import Caller, Claim

blueprint = Blueprint("customers", __name__, url_prefix="/api/customers", description="Customer accounts")

_ATTACHMENT = {"Content-Disposition": header("Has a browser save it as a file")}


def _links(uuid: object) -> list[dict[str, Any]]:
    return [
        {"rel": rel, "href": href, "action": "GET", "types": ["text/xml"]}
        for rel, href in (("customerGrid", "/admin/customers"), ("edit", f"/admin/customers/edit/{uuid}"))
    ]


_LINKS = encode(_links("UUID"))


def _linked_document(customer: Document, uuid: UUID) -> Document:
    return customer.extended("links", _LINKS.replace("UUID", str(uuid)))


def _linked(customer: Row[Any]) -> dict[str, Any]:
    return {**customer._asdict(), "links": _links(customer.uuid)}


@blueprint.route("", methods=["POST"])
@answers(
    201,
    schemas.LinkedCustomer,
    etag=True,
    raises=(errors.EmailTaken, errors.CustomerNotFound, errors.TooManyRequests, errors.Busy),
)
@access.anyone
@idempotent
@blueprint.arguments(schemas.NewCustomer)
def create_customer(caller: Caller, new: dict[str, Any], key: Key | None) -> Created:
    """Create a customer.

    Registers an account. A network may register 20 times an hour; an admin is not limited.
    """
    uuid, customer, replayed = service.create(context.current(), caller, new, key)
    return Created(_linked_document(customer, uuid), f"/api/customers/{uuid}", replayed)


@blueprint.route("", methods=["GET"])
@answers(200, schemas.Customer, page=True)
@access.admin_by_statement
@blueprint.arguments(schemas.ListQuery, location="query")
def list_customers(claim: Claim, query: dict[str, Any]) -> Page:
    """List customers: all, or those that the filters leave; beyond the last page `data` is empty."""
    page, limit, sort = (query.pop(name) for name in ("page", "limit", "sort"))
    return service.list_page(context.current(), claim, page=page, limit=limit, sort=sort, filters=query)


@blueprint.route("/<customer:uuid>", methods=["GET"])
@answers(200, schemas.CustomerWithAddresses, etag=True, raises=(errors.CustomerNotFound,))
@access.owner_or_admin_by_statement
@etags.if_none_match
def get_customer(claim: Claim, uuid: Whose) -> Document:
    """Get a customer with the addresses; `me` stands for one's own uuid, here and below."""
    return service.read(context.current(), claim, uuid)


@blueprint.route("/<customer:uuid>", methods=["PATCH"])
@answers(
    200,
    schemas.LinkedCustomer,
    etag=True,
    raises=(
        errors.NothingToUpdate,
        errors.StatusForbidden,
        errors.LoginAgain,
        errors.CustomerNotFound,
        errors.EmailTaken,
        errors.TooManyRequests,
        errors.Busy,
    ),
)
@access.owner_or_admin_by_statement
@etags.if_match
@blueprint.arguments(schemas.CustomerChanges(partial=True))
def update_customer(
    claim: Claim, changes: dict[str, Any], uuid: Whose, versions: Sequence[str] | None
) -> Document | dict[str, Any]:
    """Update a customer.

    Changes what the body names. One's own e-mail or password needs a recent login, and an e-mail can be changed five
    times an hour; only an admin changes `status` and `group_id`. A new password ends the account's other sessions,
    disabling it ends all.
    """
    ctx = context.current()
    if changes.keys() == {"full_name"} and (
        own := service.rename_own(ctx, claim, uuid, changes["full_name"], versions)
    ):
        return _linked_document(own, authorization.require_customer(claim.caller).uuid)
    caller, uuid = authorization.require_owner_or_admin(access.identified(claim), uuid)
    return _linked(service.update(ctx, caller, uuid, changes, versions))


@blueprint.route("/<customer:uuid>", methods=["DELETE"])
@answers(200, schemas.Customer, raises=(errors.LoginAgain, errors.CustomerNotFound))
@access.owner_or_admin
@etags.if_match
def delete_customer(caller: Caller, uuid: UUID, versions: Sequence[str] | None) -> Row[Any]:
    """Delete a customer with the addresses and sessions, for good, and answer it as it was."""
    return service.delete(context.current(), caller, uuid, versions)


@blueprint.route("/<customer:uuid>/export", methods=["GET"])
@answers(200, schemas.Person, raises=(errors.CustomerNotFound,), headers=_ATTACHMENT)
@access.owner_or_admin
def export_customer(caller: Caller, uuid: UUID) -> Response:
    """Export everything stored about a customer as one document; no password, hash or token."""
    person = service.export(context.current(), caller, uuid)
    return JsonResponse(
        f'{{"data":{person}}}', 200, {"Content-Disposition": f'attachment; filename="customer-{uuid}.json"'}
    )
