"""Lists in pages: what a request asks for, where a page stands among all, and the envelope (CONTRACT section 4)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma

from customers import fields


class PageQuery(fields.Query):
    """Which page."""

    page = fields.Number(low=1, high=2**31 - 1, load_default=1, metadata={"description": "Page, counted from 1"})
    limit = fields.Number(low=1, high=100, load_default=20, metadata={"description": "Items on a page"})


class PageLinks(ma.Schema):
    """Paths of pages around this one; they keep the request's other query parameters."""

    first = ma.fields.String(required=True)
    last = ma.fields.String(required=True)
    prev = ma.fields.String(required=True, allow_none=True)
    next = ma.fields.String(required=True, allow_none=True)


class PageMeta(ma.Schema):
    """Where this page stands."""

    current_page = ma.fields.Integer(required=True)
    from_ = ma.fields.Integer(data_key="from", required=True, allow_none=True)
    last_page = ma.fields.Integer(required=True)
    path = ma.fields.String(required=True)
    per_page = ma.fields.Integer(required=True)
    to = ma.fields.Integer(required=True, allow_none=True)
    total = ma.fields.Integer(required=True)


def place(found: int, total: int, *, page: int, limit: int) -> dict[str, Any]:
    """Return where a page, on which so many items were found, stands among all of them."""
    offset = (page - 1) * limit
    return {
        "total": total,
        "last_page": max(1, -(-total // limit)),
        "from": offset + 1 if found else None,
        "to": offset + found if found else None,
    }


def envelope(
    place: Mapping[str, Any], items: Sequence[Any], path: str, query: Mapping[str, str], *, page: int, limit: int
) -> dict[str, Any]:
    """Return a page as it is answered: items, links, and the place among all. ``query`` is the request's."""
    last = place["last_page"]
    others = [(name, value) for name, value in query.items() if name != "page"]

    def href(number: int) -> str:
        return f"{path}?{urlencode([('page', number), *others])}"

    return {
        "data": items,
        "links": {
            "first": href(1),
            "last": href(last),
            "prev": href(min(page - 1, last)) if page > 1 else None,
            "next": href(page + 1) if page < last else None,
        },
        "meta": {
            "current_page": page,
            "from_": place["from"],
            "last_page": last,
            "path": path,
            "per_page": limit,
            "to": place["to"],
            "total": place["total"],
        },
    }
