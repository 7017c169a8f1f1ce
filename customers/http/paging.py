"""Lists in pages: what a request asks for, and how a page is answered."""

from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import request

from customers.db.documents import Page
from customers.http import fields


class PageQuery(ma.Schema):
    """Which page."""

    page = fields.Number(low=1, high=2**31 - 1, load_default=1, metadata={"description": "Page, counted from 1"})
    limit = fields.Number(low=1, high=100, load_default=20, metadata={"description": "Items on a page"})


class PageLinks(ma.Schema):
    """Paths of pages around this one; they keep the request's other query parameters."""

    first = ma.fields.String(required=True, metadata={"example": "/api/customers?page=1"})
    last = ma.fields.String(required=True, metadata={"example": "/api/customers?page=1"})
    prev = ma.fields.String(required=True, allow_none=True, metadata={"example": None})
    next = ma.fields.String(required=True, allow_none=True, metadata={"example": None})


class PageMeta(ma.Schema):
    """Where this page stands."""

    current_page = ma.fields.Integer(required=True, metadata={"example": 1})
    from_ = ma.fields.Integer(data_key="from", required=True, allow_none=True, metadata={"example": 1})
    last_page = ma.fields.Integer(required=True, metadata={"example": 1})
    path = ma.fields.String(required=True, metadata={"example": "/api/customers"})
    per_page = ma.fields.Integer(required=True, metadata={"example": 20})
    to = ma.fields.Integer(required=True, allow_none=True, metadata={"example": 1})
    total = ma.fields.Integer(required=True, metadata={"example": 1})


FIELDS = {"links": ma.fields.Nested(PageLinks, required=True), "meta": ma.fields.Nested(PageMeta, required=True)}


def place(page: Page) -> dict[str, Any]:
    """Return the links and the meta of a page that this request asked for."""
    path = request.path
    others = [(name, value) for name, value in request.args.items() if name != "page"]
    more = f"&{urlencode(others)}" if others else ""

    def href(number: int) -> str:
        return f"{path}?page={number}{more}"

    return {
        "links": {
            "first": href(1),
            "last": href(page.last),
            "prev": href(min(page.number - 1, page.last)) if page.number > 1 else None,
            "next": href(page.number + 1) if page.number < page.last else None,
        },
        "meta": {
            "current_page": page.number,
            "from": page.first_item,
            "last_page": page.last,
            "path": path,
            "per_page": page.limit,
            "to": page.last_item,
            "total": page.total,
        },
    }
