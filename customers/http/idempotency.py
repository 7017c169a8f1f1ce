"""The header `Idempotency-Key`, for a route that creates."""

import functools
import hashlib
import hmac
import re
from typing import Any

from flask import request

from customers import errors
from customers.db.idempotency_keys import Key
from customers.http import context
from customers.http.json_body import read_body
from customers.http.openapi import View, header_parameter, note
from customers.security.callers import Caller

HEADER = "Idempotency-Key"

_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
_PARAMETER = header_parameter(
    HEADER,
    "The same key and body within 24 hours get the first result again. Ignored unless the caller is signed in.",
    minLength=1,
    maxLength=255,
    pattern="^[!-~]([ -~]*[!-~])?$",  # a header's value comes without the blanks around it
)


def idempotent(view: View) -> View:
    """Pass a view the key of its request as ``key``; None without one, and for an anonymous registration."""

    @functools.wraps(view)
    def keyed(caller: Caller, *args: Any, **kwargs: Any) -> Any:
        return view(caller, *args, key=_key(caller, kwargs), **kwargs)

    return note(keyed, errors=(errors.IdempotencyKeyInvalid, errors.IdempotencyKeyReused), parameters=[_PARAMETER])


def _key(caller: Caller, arguments: dict[str, Any]) -> Key | None:
    account = caller.admin or caller.customer
    value = request.headers.get(HEADER)
    if account is None or value is None:
        return None
    if not _PRINTABLE.fullmatch(value):
        raise errors.IdempotencyKeyInvalid()
    # Not the path: `me`, and a uuid in upper case, stand for the same.
    route = " ".join(map(str, (request.endpoint, *arguments.values())))
    asked = route.encode() + b"\n" + read_body(request.environ)
    return Key(
        digest=hashlib.sha256(f"{account.kind} {account.account_id}\n{value}".encode()).digest(),
        request_digest=hmac.digest(context.current().settings.secret_key.encode(), asked, "sha256"),
    )
