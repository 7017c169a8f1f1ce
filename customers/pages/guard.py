"""Who may see a page: an admin, by the cookie alone; and whose form it is that comes back."""

import functools
import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import ParamSpec

from flask import Response, current_app, g, make_response, redirect, request, url_for

from customers import auth, errors
from customers.api import resources
from customers.identity import Caller
from customers.parsing import read_body
from customers.sessions import service as sessions

P = ParamSpec("P")

# Where a login may lead: to one of the pages, by a path of this host.
_NEXT = re.compile(r"/admin/(?:customers|groups)(?:/[0-9A-Za-z/-]*)?(?:\?[!-\[\]-~]*)?")
_STALE = "This form is too old, or was not made for you. Go back, load the page again, and send it again."


def page(view: Callable[P, Response]) -> Callable[P, Response]:
    """Let admins who are signed in by cookie pass, and have everybody else sign in. A form needs its token, too."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
        sid = auth.in_cookie("admin")
        caller = Caller() if sid is None else sessions.identify(resources(), [sid], auth.origin())
        if caller.admin is None:
            return _to_login()
        g.caller = caller
        if request.method == "POST":
            read_body(request)
            if not _is_own(request.form.get("token", ""), caller.admin.digest):
                raise errors.CrossSite(_STALE)
        return view(*args, **kwargs)

    guarded.__dict__["access"] = "page"
    return guarded


def token(digest: bytes) -> str:
    """Return what the forms of a session carry: no other site, and no other session, can know it."""
    return _token(current_app.config["SECRET_KEY"], digest)


def _token(key: str, digest: bytes) -> str:
    return urlsafe_b64encode(hmac.digest(key.encode(), b"page form\0" + digest, hashlib.sha256)).decode().rstrip("=")


def _is_own(sent: str, digest: bytes) -> bool:
    """Return whether a token was made for this session, by this key or by one that is being replaced."""
    keys = [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]
    return any(hmac.compare_digest(sent.encode(), _token(key, digest).encode()) for key in keys)


def destination() -> str:
    """Return where to go after signing in: what the request asks for, if it is one of the pages, or else the list."""
    wanted = request.values.get("next", "")
    return wanted if _NEXT.fullmatch(wanted) else url_for("pages.list_customers")


def _to_login() -> Response:
    """Send to the login, and from there back; whoever was about to change something gets to know that it is not."""
    if request.method == "POST":
        uuid = (request.view_args or {}).get("uuid")
        back = url_for("pages.edit_customer", uuid=uuid) if uuid else url_for("pages.list_customers")
        return make_response(redirect(url_for("pages.log_in", next=back, done="unsaved"), 303))
    back = request.full_path.rstrip("?")
    return make_response(redirect(url_for("pages.log_in", next=back), 303))
