"""Who may see a page: an admin, by the cookie alone; and whose form it is that comes back."""

import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, make_response, redirect, request, url_for
from itsdangerous import Signer

from customers import errors
from customers.http import access
from customers.http.json_body import read_body
from customers.http.openapi import note
from customers.security.callers import Claim

View = Callable[..., Response]

# Where a login may lead: to one of the pages, by a path of this host.
_NEXT = re.compile(r"/admin/(?:customers|groups)(?:/[0-9A-Za-z/-]*)?(?:\?[!-\[\]-~]*)?")
_STALE = "This form is too old, or was not made for you. Go back, load the page again, and send it again."


def page(view: View) -> View:
    """Pass a view the Claim of an admin who is signed in by cookie; send everybody else to the login."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Response:
        claim = signed_in()
        if claim is None or claim.caller.admin is None:
            return _to_login()
        if request.method == "POST":
            read_body(request.environ)
            if not _signer().verify_signature(claim.caller.admin.digest, request.form.get("token", "")):
                raise errors.CrossSite(_STALE)
        return view(claim, *args, **kwargs)

    return note(guarded, access="page")


def signed_in() -> Claim | None:
    """Return the claim of the admin whom the cookie names, or None. Raises CrossSite for a form of another site."""
    claim = access.claim(by_cookie=True)
    claim.customer_digest = None
    return claim if access.identified(claim).admin else None


def _signer() -> Signer:
    keys = [*current_app.config["SECRET_KEY_FALLBACKS"], current_app.config["SECRET_KEY"]]
    return Signer(keys, b"page form", key_derivation="hmac", digest_method=hashlib.sha256)


def token(digest: bytes) -> str:
    """Return what the forms of a session carry: no other session can know it."""
    return _signer().get_signature(digest).decode()


def destination() -> str:
    """Return where to go after signing in: what the request asks for, if it is one of the pages, or else the list."""
    wanted = request.values.get("next", "")
    return wanted if _NEXT.fullmatch(wanted) else url_for("staff.list_customers")


def go(page: str, **values: Any) -> Response:
    """Send a browser to a page; ``done`` names what it says there of the act that led to it, one of NOTICES."""
    return make_response(redirect(url_for(f"staff.{page}", **values), 303))


def _to_login() -> Response:
    """Send to the login, and from there back; whoever was about to change something learns that nothing has changed."""
    if request.method == "POST":
        rule, back, values = request.url_rule, request.path, request.view_args or {}
        if rule is None or "GET" not in (rule.methods or ()):  # what has no page of its own is a button of another
            form = "edit_group" if back.startswith("/admin/groups/") else "edit_customer"
            back = (
                url_for(f"staff.{form}", uuid=values["uuid"]) if "uuid" in values else url_for("staff.list_customers")
            )
        return go("log_in", next=back, done="unsaved")
    return go("log_in", next=request.full_path.rstrip("?"))
