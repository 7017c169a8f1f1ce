"""The list of customers as a page: search, filters, sorting, pages."""

from typing import Any
from urllib.parse import urlencode

from flask import Response, request, url_for

from customers import auth
from customers.accounts import schemas, service
from customers.api import resources
from customers.errors import InvalidInput
from customers.pages import forms, groups
from customers.pages.blueprint import blueprint, show
from customers.pages.guard import page

# The columns of the table that it can be sorted by, with their headings.
COLUMNS = {"full_name": "Name", "email": "E-mail", "status": "Status", "created_at": "Created", "customer_id": "No."}
ORDERS = {
    "customer_id": "Oldest number first",
    "-customer_id": "Newest number first",
    "full_name": "Name, A to Z",
    "-full_name": "Name, Z to A",
    "email": "E-mail, A to Z",
    "-email": "E-mail, Z to A",
    "status": "Disabled first",
    "-status": "Enabled first",
    "created_at": "Created first",
    "-created_at": "Created last",
    "-updated_at": "Changed last",
}
FILTERS = ("keyword", "status", "group_id", "created_from", "created_to")


@blueprint.route("/admin/customers")
@page
def list_customers() -> Response:
    """Show a page of customers; a filter that the list does not take is told beside its field, with no customers."""
    # A form sends its empty fields along. What only says where one comes from is not the list's.
    asked = {name: value for name, value in request.args.items() if value.strip() and name != "done"}
    faults: dict[str, list[str]] = {}
    found: dict[str, Any] = {"customers": [], "total": 0, "last_page": 1, "from": None, "to": None}
    current = 1
    try:
        query = forms.checked(schemas.ListQuery(), asked)
        current = query.pop("page")
        limit, sort = query.pop("limit"), query.pop("sort")
        admin = auth.caller().admin
        found = service.list_page(resources(), page=current, limit=limit, sort=sort, filters=query, admin=admin)
    except InvalidInput as error:
        faults = dict(error.errors or {})
        sort = "customer_id"

    def href(**changes: Any) -> str:
        """Return the path of this list with other parameters; None takes one away."""
        kept = {name: value for name, value in {**asked, **changes}.items() if value is not None}
        return url_for("pages.list_customers") + (f"?{urlencode(kept)}" if kept else "")

    return show(
        "customers.html",
        400 if faults else 200,
        found=found,
        current=current,
        last=found["last_page"],
        sort=sort,
        asked=asked,
        filtered=any(name in asked for name in FILTERS),
        narrowed=any(name in asked for name in (*FILTERS[1:], "sort")),
        faults=faults,
        headings={name: _heading(name, label, sort, href) for name, label in COLUMNS.items()},
        orders=ORDERS,
        names=groups.names(),
        href=href,
    )


def _heading(name: str, label: str, sort: str, href: Any) -> dict[str, Any]:
    """Return a column's heading: where it leads, and how the list is sorted by it now, in ARIA's words."""
    now = {name: "ascending", f"-{name}": "descending"}.get(sort)
    # The first page of the other order: nobody looks for the middle of it.
    target = href(sort=f"-{name}" if now == "ascending" else name, page=None)
    return {"label": label, "now": now, "href": target}
