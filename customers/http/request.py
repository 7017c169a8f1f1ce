"""What happens around every request: its id, its headers, its line in the log, its count. A WSGI middleware."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Response

from customers import errors
from customers.config import Settings
from customers.http import answers
from customers.security.callers import Claim
from customers.telemetry import logs, metrics
from customers.telemetry.tracing import ROUTE

log = logging.getLogger("customers.access")

# In the WSGI environment: the request's id, and the claim of whoever calls.
ID = "customers.request_id"
CLAIM = "customers.claim"

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_DRAINED = 16 * 2**20  # bytes; a body over the limit, and not over this, is read before it is refused

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PRIVATE_PATH = re.compile(r"/+(?:api|customers?|admin|session)(?:/|$)")

# Stop browsers from rendering JSON answers as pages, whoever leads one to it (ASVS 5.0, 3.2.1, 3.4.3,
# 3.4.5, 3.4.6). The pages and the documentation bring policies of their own.
_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
_NO_PAGE = [
    (
        "Content-Security-Policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    ),
    ("Referrer-Policy", "same-origin"),
]
_NO_STORE = ("Cache-Control", "no-store")

_CORS_ANSWER = [
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "ETag, Idempotent-Replayed, Location, Retry-After, X-Request-ID"),
]
_CORS_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"),
    (
        "Access-Control-Allow-Headers",
        (
            "Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, X-Session-ID, "
            "traceparent, tracestate, baggage, sentry-trace"
        ),
    ),
    ("Access-Control-Max-Age", "600"),
]


def around(app: Wsgi, settings: Settings) -> Wsgi:
    """Return a WSGI middleware: request id, headers of every answer, CORS, access log, metric of requests."""
    trusted = settings.trusted_origins

    def handle(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.perf_counter()
        sent = environ.get("HTTP_X_REQUEST_ID")
        request_id = sent if sent and _SANE_ID.fullmatch(sent) else secrets.token_hex(16)
        environ[ID] = request_id
        logs.request_id.set(request_id)
        status, rule = 500, None

        def started(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status, rule
            status = int(line[:3])
            # Here and not at the end: Flask takes its request out of the environment when it is done.
            matched = getattr(environ.get("werkzeug.request"), "url_rule", None)
            rule = matched and matched.rule
            headers += (("X-Request-ID", request_id), _NO_SNIFFING)
            names = [name for name, _ in headers]
            if "Content-Security-Policy" not in names:
                headers += _NO_PAGE
            if _PRIVATE_PATH.match(environ["PATH_INFO"]):
                if "Cache-Control" in names:
                    headers[:] = [header for header in headers if header[0] != "Cache-Control"]
                headers.append(_NO_STORE)
            if trusted:
                vary = [value for name, value in headers if name == "Vary"]
                headers[:] = [header for header in headers if header[0] != "Vary"]
                headers.append(("Vary", ", ".join([*vary, "Origin"])))
                headers += _cors(environ, trusted)
            return start_response(line, headers, exc_info)

        try:
            found: Iterable[bytes] = (_without_a_view(environ, settings) or app)(environ, started)
            if status == errors.BodyTooLarge.status and not _is_too_large(environ, _DRAINED):
                _drain(environ["wsgi.input"])
            return found
        finally:
            seconds = time.perf_counter() - began
            if rule:
                environ[ROUTE] = metrics.template(rule)
            metrics.request(rule, environ["REQUEST_METHOD"], status, seconds)
            _log(environ, status, seconds)
            logs.request_id.set(None)

    return handle


def _without_a_view(environ: Environ, settings: Settings) -> Response | None:
    """Return the answer to what no view need see: a preflight, and a body over the limit, read by a view or not.

    Browsers tell a page nothing of a preflight that is refused, not even by a 404.
    """
    if _is_preflight(environ) and environ.get("HTTP_ORIGIN", "").lower() in settings.trusted_origins:
        return Response(status=204)
    return answers.fail(errors.BodyTooLarge()) if _is_too_large(environ, settings.max_body) else None


def _is_too_large(environ: Environ, limit: int) -> bool:
    length = environ.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and int(length) > limit


def _drain(body: Any) -> None:
    """Read the rest of a body that is refused, so that its client is done with sending and reads the answer."""
    left = _DRAINED
    while left > 0 and (data := body.read(min(left, 65536))):
        left -= len(data)


def _cors(environ: Environ, trusted: frozenset[str]) -> list[tuple[str, str]]:
    """Return the headers of CORS (WHATWG Fetch, section 3.3): for the origins in the settings, and for no other."""
    origin = environ.get("HTTP_ORIGIN", "")
    if origin.lower() not in trusted:
        return []
    allowed = [("Access-Control-Allow-Origin", origin), *_CORS_ANSWER]
    return allowed + _CORS_PREFLIGHT if _is_preflight(environ) else allowed


def _is_preflight(environ: Environ) -> bool:
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _log(environ: Environ, status: int, seconds: float) -> None:
    """Write the line of a request: never the query, a header's value, or anything of a body."""
    claim: Claim | None = environ.get(CLAIM)
    account = (claim.caller.admin or claim.caller.customer) if claim else None
    path = environ["PATH_INFO"]
    logs.emit(
        log,
        logging.INFO,
        "request",
        {
            "method": environ["REQUEST_METHOD"],
            "path": path if path.isascii() else path.encode("latin-1").decode(errors="replace"),  # PEP 3333
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "client": environ.get("REMOTE_ADDR"),
            "caller": account and {"kind": account.kind, "uuid": str(account.uuid)},
        },
    )
