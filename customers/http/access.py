"""Who is calling, and may they: each route has one of these decorators.

Most check the caller, and pass it to the view as the first argument. Those named `…_by_statement` pass the Claim, which
the service checks; `public`, `sign_in` and `sign_out` pass nothing. All add the route's security and errors to the
OpenAPI document.
"""

import functools
from collections.abc import Callable
from typing import Any

from flask import request

from customers import errors
from customers.http import context, cookies
from customers.http.openapi import View, note, noted
from customers.http.request import CLAIM, ID
from customers.security import authorization, sessions
from customers.security.authorization import Whose
from customers.security.callers import Caller, Claim, Kind, Origin
from customers.security.networks import address_of

HEADER = "X-Session-ID"
ORIGINAL_METHOD = "X-Original-Method"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

# ---------------------------------------------------------------- what a request presents


def origin() -> Origin:
    """Return where this request comes from."""
    environ = request.environ
    agent = environ.get("HTTP_USER_AGENT", "").replace("\0", "")[:255]
    return Origin(address_of(environ.get("REMOTE_ADDR")), agent or None, environ[ID])


def claim(*, origin_needed: bool = True, by_cookie: bool = False) -> Claim:
    """Return what this request presents to say who calls: its header, or else its cookies; or cookies alone.

    Raises CrossSite for a write by cookie that a page of another site started.
    """
    environ = request.environ
    evershop = context.current().evershop
    needed = origin_needed or evershop is not None or environ["REQUEST_METHOD"] not in _SAFE_METHODS
    source = origin() if needed else Origin()
    sid = None if by_cookie else environ.get("HTTP_X_SESSION_ID")
    sids: dict[Kind, str] = {}
    if sid is not None:
        digest = sessions.digest(sid)
        found = Claim(digest, digest, by_header=True, origin=source)
    else:
        customer, admin = sessions.digest(cookies.sid("customer")), sessions.digest(cookies.sid("admin"))
        if evershop is not None:
            sids = evershop.sids(request.cookies)
        if customer or admin or sids:
            refuse_cross_site()
        found = Claim(customer, admin, by_header=False, origin=source)
    if evershop is not None:
        evershop.resolve(context.current().db, found, sids)
    environ[CLAIM] = found
    return found


def identified(presents: Claim) -> Caller:
    """Return who a claim turns out to be. Raises NotAuthenticated for a header without a session."""
    ctx = context.current()
    return sessions.identify(ctx.db, ctx.settings, presents)


def refuse_cross_site(method: str | None = None) -> None:
    """Raise CrossSite for a write that a browser sends for a page of another origin.

    Fetch Metadata where the browser sends it, else the Origin header; a client that sends neither is no browser.
    ``method`` is that of the request in question, by default of this one.
    """
    if (method or request.method) in _SAFE_METHODS:
        return
    origin = request.headers.get("Origin", "").lower()
    if origin in context.current().settings.trusted_origins:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        allowed = "Origin" not in request.headers or _is_own(origin)
    if not allowed:
        raise errors.CrossSite()


def _is_own(origin: str) -> bool:
    """Return whether an origin is this host; a default port is the same, written or not."""
    scheme, _, host = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    own = request.environ.get("HTTP_HOST", "").lower()
    return port is not None and host.removesuffix(port) == own.removesuffix(port)


# ---------------------------------------------------------------- the decorators

_SCHEMES: list[dict[str, list[str]]] = [{"sessionHeader": []}, {"sessionCookie": []}]
_REFUSALS = (errors.NotAuthenticated, errors.Forbidden, errors.CrossSite)


# Lets everybody call, and does not ask who it is. Passes nothing.
public = noted(access="public", security=[])


def sign_in(view: View) -> View:
    """Let everybody call but pages of other sites, which could sign a visitor in as somebody else. Passes nothing."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refuse_cross_site()
        return view(*args, **kwargs)

    return note(guarded, access="public", security=[], errors=(errors.CrossSite,))


# Documents a logout, and checks nothing: the view calls claim(), which refuses writes from other sites. Passes nothing.
sign_out = noted(access="public", security=[{}, *_SCHEMES], errors=(errors.CrossSite,))


def _guard(access: str, check: Callable[[Caller, dict[str, Any]], Caller], security: Any, refusals: Any) -> Any:
    """Return a decorator that identifies the caller, checks, and passes the Caller."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            presents = claim()
            return _counted(presents, lambda: view(check(identified(presents), kwargs), *args, **kwargs))

        return note(guarded, access=access, security=security, errors=(*refusals, errors.TooManyRequests))

    return decorate


def _counted(presents: Claim, act: Callable[[], Any]) -> Any:
    """Return what an act returns; limit a customer's writes, and count those that succeed. Raises TooManyRequests."""
    if request.environ["REQUEST_METHOD"] in _SAFE_METHODS:
        return act()
    writes = context.current().writes
    writes.refuse(presents)
    answer = act()
    writes.count(presents)
    return answer


def _check_signed_in(caller: Caller, _: dict[str, Any]) -> Caller:
    authorization.require_signed_in(caller)
    if HEADER not in request.headers:
        # A proxy asks whether to pass a request on; for a write by cookie it matters which page sent it.
        refuse_cross_site(request.headers.get(ORIGINAL_METHOD))
    return caller


def _check_customer(caller: Caller, _: dict[str, Any]) -> Caller:
    authorization.require_customer(caller)
    return caller._replace(admin=None)


def _check_admin(caller: Caller, arguments: dict[str, Any]) -> Caller:
    authorization.require_admin(caller, arguments.get("uuid"))
    return caller


def _check_owner_or_admin(caller: Caller, arguments: dict[str, Any]) -> Caller:
    whose: Whose = arguments["uuid"]
    caller, arguments["uuid"] = authorization.require_owner_or_admin(caller, whose)
    return caller


anyone = _guard("anyone", lambda caller, _: caller, [{}, *_SCHEMES], (errors.NotAuthenticated, errors.CrossSite))
signed_in = _guard("signed_in", _check_signed_in, _SCHEMES, (errors.NotAuthenticated, errors.CrossSite))
customer = _guard("customer", _check_customer, _SCHEMES, _REFUSALS)
admin = _guard("admin", _check_admin, _SCHEMES, _REFUSALS)
owner_or_admin = _guard("owner_or_admin", _check_owner_or_admin, _SCHEMES, _REFUSALS)


# Faults of a request are told only to callers who may make it; everyone else gets a 401 or 403.
_OF_THE_REQUEST = (errors.InvalidInput, errors.MalformedJson, errors.UnsupportedMediaType, errors.BodyTooLarge)


def _by_statement(access: str, check: Callable[[Caller, dict[str, Any]], Caller]) -> Any:
    """Return a decorator that passes the Claim: the act's own statement finds out who calls, and the act authorizes."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            presents = claim(origin_needed=False)  # a read records nothing
            if presents.empty:
                raise errors.NotAuthenticated()
            try:
                return _counted(presents, lambda: view(presents, *args, **kwargs))
            except _OF_THE_REQUEST:
                if presents.caller.anonymous:  # the act has not begun
                    check(identified(presents), kwargs)
                raise

        return note(guarded, access=access, security=_SCHEMES, errors=(*_REFUSALS, errors.TooManyRequests))

    return decorate


admin_by_statement = _by_statement("admin", _check_admin)
owner_or_admin_by_statement = _by_statement("owner_or_admin", _check_owner_or_admin)
