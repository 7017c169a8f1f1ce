"""What happens around every request: its id, its headers, its size limit, its line in the log and its count."""

import logging
import re
import time
import uuid
from typing import Any

from flask import Flask, Response, g, request

from customers import answers, auth, errors
from customers.api import resources

log = logging.getLogger("customers.access")

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PRIVATE_PATHS = ("/api", "/customer", "/customers", "/admin", "/session")

_CORS_METHODS = "GET, POST, PATCH, DELETE"
_CORS_HEADERS = "Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, X-Session-ID"
_CORS_EXPOSED = "ETag, Idempotent-Replayed, Location, Retry-After, X-Request-ID"
_CORS_SECONDS = "600"


def install(app: Flask) -> None:
    """Give an application these hooks. They run for errors and unknown paths, too."""
    app.before_request(_begin)
    app.before_request(_refuse_large_body)
    app.after_request(_finish)


def _begin() -> None:
    g.began = time.perf_counter()
    sent = request.headers.get("X-Request-ID", "")
    g.request_id = sent if _SANE_ID.fullmatch(sent) else uuid.uuid4().hex


def _refuse_large_body() -> None:
    # Also where no view reads the body; one sent in chunks is measured when it is read.
    if (request.content_length or 0) > resources().settings.max_body:
        raise errors.BodyTooLarge()


def _finish(response: Response) -> Response:
    # What is shed. Reads are never too dear, and a probe must know at once that the service is not ready.
    if response.status_code in (429, 503) and request.method not in ("GET", "HEAD"):
        resources().pace.wait(resources().passwords.jobs)
    headers = response.headers
    headers["X-Request-ID"] = g.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    for name, value in answers.NO_PAGE.items():
        headers.setdefault(name, value)
    if any(request.path == path or request.path.startswith(f"{path}/") for path in _PRIVATE_PATHS):
        headers["Cache-Control"] = "no-store"
    _allow_trusted_origin(response)
    seconds = time.perf_counter() - g.began
    rule = request.url_rule.rule if request.url_rule else None
    resources().metrics.request(rule, request.method, response.status_code, seconds)
    log.info("request", extra={"fields": _line(response, seconds)})
    return response


def _allow_trusted_origin(response: Response) -> None:
    """Answer CORS (WHATWG Fetch, section 3.3) for the origins in the settings, and for no other."""
    trusted = resources().settings.trusted_origins
    if not trusted:
        return
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin.lower() not in trusted:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = _CORS_EXPOSED
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = _CORS_METHODS
        response.headers["Access-Control-Allow-Headers"] = _CORS_HEADERS
        response.headers["Access-Control-Max-Age"] = _CORS_SECONDS


def _line(response: Response, seconds: float) -> dict[str, Any]:
    """Return the access log's fields: never the query, a header's value, or anything of a body."""
    caller = auth.caller()
    identity = caller.admin or caller.customer
    return {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 1),
        "client": request.remote_addr,
        "caller": identity and {"kind": identity.kind, "uuid": str(identity.uuid)},
    }
