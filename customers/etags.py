"""ETag, If-Match and If-None-Match (RFC 9110 section 13), as CONTRACT section 10 wants them: each is optional.

A version is a text that changes with every write of what is answered, whoever writes: the database makes it of `xmin`,
the transaction that wrote a row. It is compared in the WHERE of the statement that writes, which leaves no moment for a
lost update.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, jsonify, make_response, request
from marshmallow import Schema

from customers import errors
from customers.api import document

# A weak tag counts like a strong one: a proxy that compresses answers weakens their tags, and the versions stay exact.
_TAG = re.compile(r'(?:W/)?"([^"]*)"')

# For the OpenAPI document.
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The version of what is answered"}}
CREATED = {**ETAG, "Location": {"schema": {"type": "string"}, "description": "The path of what was created"}}


def tagged(schema: Schema, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a row, or a mapping made of one, as an answer with its ``version`` as ETag.

    Or a 304, for a GET by a caller who has just this.
    """
    version = data["version"] if isinstance(data, Mapping) else data.version
    response = jsonify(schema.dump({"data": data}))
    if request.method in ("GET", "HEAD") and version in _versions("If-None-Match"):
        response = make_response("", 304)
        del response.headers["Content-Type"]
    else:
        response.status_code = status
    response.headers.update(headers or {})
    response.set_etag(version)
    return response


def if_match() -> list[str] | None:
    """Return the versions that the caller allows to be changed; None if any."""
    header = request.headers.get("If-Match")
    return None if header is None or header.strip() == "*" else _versions("If-Match")


def _versions(header: str) -> list[str]:
    return _TAG.findall(request.headers.get(header, ""))


def _parameter(name: str, about: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "schema": {"type": "string"}, "description": about}


def conditional_read(view: Callable[..., Any]) -> Callable[..., Any]:
    """Document that a view answers with tagged(): an ETag, or 304."""
    document(
        view,
        parameters=[_parameter("If-None-Match", "An ETag; 304 if nothing of the answer has changed since")],
        responses={200: {"headers": ETAG}, 304: {"description": "Nothing has changed", "headers": ETAG}},
    )
    return view


def conditional_write(view: Callable[..., Any]) -> Callable[..., Any]:
    """Document that a view heeds if_match()."""
    document(
        view,
        errors=(errors.PreconditionFailed,),
        parameters=[_parameter("If-Match", "An ETag; 412 if there has been a change since")],
    )
    return view
