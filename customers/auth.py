"""Who is calling, and may they: the decorators that every route wears one of, and the cookie they read.

A decorator decides and documents in one statement: the OpenAPI security entry and the errors come from it.
"""

import functools
import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from flask import g, request, session

from customers import errors
from customers.api import document, resources
from customers.errors import ServiceError
from customers.fields import ME
from customers.identity import KINDS, Caller, Kind, Origin
from customers.sessions import service as sessions

HEADER = "X-Session-ID"
ORIGINAL_METHOD = "X-Original-Method"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

P = ParamSpec("P")
R = TypeVar("R")


def origin() -> Origin:
    """Return where this request comes from."""
    try:
        # Without an IPv6 zone ("fe80::1%eth0"), which names an interface of this machine and which inet does not know.
        ip = str(ipaddress.ip_address((request.remote_addr or "").partition("%")[0]))
    except ValueError:
        ip = None  # a unix socket, or a proxy's nonsense
    agent = request.headers.get("User-Agent", "").replace("\0", "")[:255]
    return Origin(ip=ip, user_agent=agent or None, request_id=g.request_id)


def caller() -> Caller:
    """Return who is signed in on this request, as its route's decorator found out; nobody where it does not ask."""
    found: Caller | None = g.get("caller")
    return Caller(origin=origin()) if found is None else found


# ---------------------------------------------------------------- the cookie and the header


def presented(kind: Kind) -> str | None:
    """Return the sid by which this request is signed in as this kind of account, by header or else by cookie.

    The header may hold either kind's; the cookie has a place for each. Raises CrossSite for a write by cookie that a
    page of another site started.
    """
    return request.headers[HEADER] if HEADER in request.headers else in_cookie(kind)


def in_cookie(kind: Kind) -> str | None:
    """Return the sid that the cookie holds for this kind of account. Raises CrossSite as presented() does."""
    if kind not in session:
        return None
    refuse_cross_site()
    return str(UUID(bytes=session[kind]))


def remember(kind: Kind, sid: str) -> None:
    """Put a sid into the cookie: as bytes, which Flask's serializer tags and encodes, so that no text of it shows."""
    session.permanent = True
    session[kind] = UUID(sid).bytes


def forget(kind: Kind, sid: str) -> None:
    """Take a sid that has ended out of the cookie, if it is there."""
    if kind in session and str(UUID(bytes=session[kind])) == sid:
        session.pop(kind)
    if not any(kind in session for kind in KINDS):
        session.clear()  # has Flask delete the cookie


def identify() -> Caller:
    """Return who is signed in on this request.

    Raises NotAuthenticated for a header that names no session: it is never made good by the cookie.
    """
    sids = {sid for kind in KINDS if (sid := presented(kind)) is not None}
    if not sids:
        return Caller(origin=origin())
    found = sessions.identify(resources(), sids, origin())
    if HEADER in request.headers and found.anonymous:
        raise errors.NotAuthenticated()
    return found


def refuse_cross_site(method: str | None = None) -> None:
    """Raise CrossSite for a write that a browser sends for a page of another origin (CONTRACT section 2).

    Fetch Metadata where the browser sends it, else the Origin header; a client that sends neither is no browser.
    ``method`` is that of the request in question, by default of this one.
    """
    if (method or request.method) in _SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin and origin.lower() in resources().settings.trusted_origins:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        host = request.host.lower()
        allowed = origin is None or origin.lower() in (f"http://{host}", f"https://{host}")
    if not allowed:
        raise errors.CrossSite()


# ---------------------------------------------------------------- in and out


def log_in(kind: Kind, credentials: dict[str, str]) -> str:
    """Start a session, put it into the cookie, and return its sid. Raises InvalidCredentials, TooManyAttempts, Busy."""
    here = origin()
    sid, identity = sessions.log_in(resources(), kind, **credentials, origin=here)
    remember(kind, sid)
    g.caller = Caller(**{kind: identity}, origin=here)
    return sid


def log_out(kind: Kind, sid: str | None) -> None:
    """End a session and take it out of the cookie; without one, nothing ends."""
    if sid is not None:
        sessions.log_out(resources(), kind, sid, origin())
        forget(kind, sid)


# ---------------------------------------------------------------- the decorators

_SCHEMES: list[dict[str, list[str]]] = [{"sessionHeader": []}, {"sessionCookie": []}]


def _guard(
    access: str,
    check: Callable[[Caller, dict[str, Any]], Caller],
    security: list[dict[str, list[str]]],
    found: tuple[type[ServiceError], ...],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that identifies the caller, checks, and documents both."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            signed_in = identify()
            g.caller = check(signed_in, kwargs)
            answer = view(*args, **kwargs)
            if request.method not in _SAFE_METHODS:
                sessions.note_write(resources(), signed_in)
            return answer

        guarded.__dict__["access"] = access
        document(guarded, errors=found, security=security)
        return guarded

    return decorate


# Each takes who is signed in and the arguments of the view, raises for who may not call, and returns as whom to act.


def _check_anyone(caller: Caller, _: dict[str, Any]) -> Caller:
    return caller


def _check_signed_in(caller: Caller, _: dict[str, Any]) -> Caller:
    if caller.anonymous:
        raise errors.NotAuthenticated()
    if HEADER not in request.headers:
        # A proxy asks whether to pass a request on; for a write by cookie it matters which page sent it.
        refuse_cross_site(request.headers.get(ORIGINAL_METHOD))
    return caller


def _check_customer(caller: Caller, _: dict[str, Any]) -> Caller:
    if caller.customer is None:
        raise errors.NotAuthenticated() if caller.anonymous else errors.Forbidden()
    return replace(caller, admin=None)


def _check_admin(caller: Caller, arguments: dict[str, Any]) -> Caller:
    if caller.admin is None:
        raise errors.NotAuthenticated() if caller.anonymous else errors.Forbidden()
    if arguments.get("uuid") == ME:  # which an admin has none of
        raise errors.Forbidden()
    return caller


def _check_owner_or_admin(caller: Caller, arguments: dict[str, Any]) -> Caller:
    if arguments["uuid"] == ME:
        own = _check_customer(caller, arguments)
        assert own.customer is not None, "just checked"
        arguments["uuid"] = own.customer.uuid
        return own
    if caller.anonymous:
        raise errors.NotAuthenticated()
    # Before any look at the database: whether another uuid exists is not for a customer to learn.
    if caller.admin is None and not caller.owns(arguments["uuid"]):
        raise errors.Forbidden()
    return caller


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Let everybody call, and do not ask who it is."""
    view.__dict__["access"] = "public"
    document(view, security=[])
    return view


def sign_in(view: Callable[P, R]) -> Callable[P, R]:
    """Let everybody call, but no page of another site: it could sign its visitor in as somebody else."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_cross_site()
        return view(*args, **kwargs)

    guarded.__dict__["access"] = "public"
    document(guarded, errors=(errors.CrossSite,), security=[])
    return guarded


_REFUSALS = (errors.NotAuthenticated, errors.Forbidden, errors.CrossSite)

anyone = _guard("anyone", _check_anyone, [{}, *_SCHEMES], (errors.NotAuthenticated, errors.CrossSite))
signed_in = _guard("signed_in", _check_signed_in, _SCHEMES, (errors.NotAuthenticated, errors.CrossSite))
customer = _guard("customer", _check_customer, _SCHEMES, _REFUSALS)
admin = _guard("admin", _check_admin, _SCHEMES, _REFUSALS)
owner_or_admin = _guard("owner_or_admin", _check_owner_or_admin, _SCHEMES, _REFUSALS)
