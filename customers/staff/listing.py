"""The list of customers as a page: search, filters, sorting, pages."""

from typing import Any
from urllib.parse import urlencode

from flask import Response, request, url_for

from customers.db.documents import Page
from customers.errors import InvalidInput
from customers.features.accounts import schemas, service
from customers.http import context
from customers.http.json_body import load
from customers.security.callers import Claim
from customers.staff import groups
from customers.staff.blueprint import blueprint, refused, show
from customers.staff.guard import page

COLUMNS = {"full_name": "Name", "email": "E-mail", "status": "Status", "created_at": "Created", "customer_id": "No."}
_DIRECTIONS = (("", ""), ("-", ", descending"))
ORDERS = {f"{minus}{key}": label + after for key, label in COLUMNS.items() for minus, after in _DIRECTIONS}


@blueprint.route("/admin/customers")
@page
def list_customers(claim: Claim) -> Response:
    """Show a page of customers; a filter that the list does not take is told beside its field, with no customers."""
    # A form sends its empty fields along. What only says where one comes from is not the list's.
    asked = {name: value for name, value in request.args.items() if value.strip() and name != "done"}
    refusal: dict[str, Any] = {}
    found, sort = Page("[]", 0, 0, 1, 20), "customer_id"
    try:
        query = load(schemas.ListQuery(), asked)
        number, limit, sort = (query.pop(name) for name in ("page", "limit", "sort"))
        found = service.list_page(context.current(), claim, page=number, limit=limit, sort=sort, filters=query)
    except InvalidInput as error:
        refusal = refused(error)

    def href(**changes: Any) -> str:
        """Return the path of this list with other parameters; None takes one away."""
        kept = {name: value for name, value in {**asked, **changes}.items() if value is not None}
        return url_for("staff.list_customers") + (f"?{urlencode(kept)}" if kept else "")

    return show(
        "customers.html",
        page=found,
        customers=found.parsed(),
        sort=sort,
        asked=asked,
        filtered=bool(asked.keys() - {"page", "limit", "sort"}),
        narrowed=any(name in asked for name in ("status", "group_id", "created_from", "created_to", "sort")),
        labels=COLUMNS,
        orders=ORDERS,
        names=groups.names(),
        href=href,
        **refusal,
    )
