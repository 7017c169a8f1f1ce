"""ETag, If-Match and If-None-Match (RFC 9110 section 13).

A version is a text that changes with every write of what is answered, whoever writes: the database makes it of `xmin`,
the transaction that wrote a row. It is compared in the WHERE of the statement that writes, so that no update is lost.
"""

import functools
import re
from typing import Any

from flask import request

from customers import errors
from customers.http.openapi import View, header, header_parameter, note, noted

HEADER = {"ETag": header("The version of what is answered")}

# A weak tag counts like a strong one, and so does one with a suffix such as Apache's "-gzip": proxies that compress
# answers change their tags so, and the versions stay exact.
_TAG = re.compile(r'(?:W/)?"([0-9a-f]*)(?:-[a-z]+)?"')


# For the OpenAPI document alone: @answers(etag=True) answers a read with 304 to a caller who has its version.
if_none_match = noted(
    parameters=[header_parameter("If-None-Match", "An ETag; 304 if nothing of the answer has changed since")],
    responses={304: {"description": "Not modified", "headers": HEADER}},
)


def if_match(view: View) -> View:
    """Pass a view the versions that the caller's If-Match allows to be changed, as ``versions``; None if any."""

    @functools.wraps(view)
    def conditional(*args: Any, **kwargs: Any) -> Any:
        header = request.environ.get("HTTP_IF_MATCH")
        versions = None if header is None or header.strip() == "*" else _TAG.findall(header)
        return view(*args, versions=versions, **kwargs)

    return note(
        conditional,
        errors=(errors.PreconditionFailed,),
        parameters=[header_parameter("If-Match", "An ETag; 412 if there has been a change since")],
    )


def has_current(version: str) -> bool:
    """Return whether this request is a read by a caller who has this version."""
    environ = request.environ
    header = environ.get("HTTP_IF_NONE_MATCH")
    if header is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return False
    return header.strip() == "*" or version in _TAG.findall(header)
