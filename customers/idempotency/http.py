"""The header `Idempotency-Key`, for a route to opt into."""

import functools
import re
from collections.abc import Callable
from typing import Any

from flask import Response, g, request
from sqlalchemy import Row

from customers import auth, errors
from customers.api import document, resources
from customers.idempotency import once as keys
from customers.idempotency.once import Key, Once, Replayed
from customers.parsing import read_body

HEADER = "Idempotency-Key"
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
_PARAMETER = {
    "in": "header",
    "name": HEADER,
    # A header's value comes without the blanks around it (RFC 9110 section 5.5).
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "description": "Printable ASCII; the same key and body within 24 hours get the first answer again",
}


def idempotent(view: Callable[..., Any]) -> Callable[..., Any]:
    """Give a view that creates safe retries: it calls once() for what its act takes. Goes below the auth decorator."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        g.idempotency_key = key = _key()
        try:
            if key is not None:
                keys.look(resources(), key)
            return view(*args, **kwargs)
        except Replayed as replayed:
            first = replayed.answer
            headers = {**first.headers, "Idempotent-Replayed": "true"}
            return Response(first.body, first.status, headers, mimetype="application/json")

    found = (errors.IdempotencyKeyInvalid, errors.IdempotencyKeyReused, errors.RequestInProgress)
    document(wrapper, errors=found, parameters=[_PARAMETER])
    return wrapper


def once(render: Callable[[Row[Any]], Response]) -> Once[Response]:
    """Return what an act that creates takes: how its answer is rendered, and the request's key."""
    return Once(render, g.idempotency_key)


def _key() -> Key | None:
    if HEADER not in request.headers:
        return None
    value = request.headers[HEADER]
    if not _PRINTABLE.fullmatch(value):
        raise errors.IdempotencyKeyInvalid()
    caller = auth.caller()
    identity = caller.admin or caller.customer
    name = f"{identity.kind} {identity.account_id}" if identity else "anonymous"
    asked = b"\n".join([request.method.encode(), request.path.encode(), read_body(request)])
    return keys.key(resources(), name, value, asked)
