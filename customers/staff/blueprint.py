"""The pages' blueprint: their headers, and errors as pages."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from customers import errors
from customers.errors import ServiceError
from customers.http import answers
from customers.http.request import CLAIM, ID
from customers.security.callers import Claim
from customers.staff import guard

# What is static is outside of /admin, where nothing may be stored by browsers.
blueprint = Blueprint(
    "staff", __name__, template_folder="templates", static_folder="static", static_url_path="/admin-assets"
)

_HEADERS = {
    # Nothing from elsewhere, no script at all, no style but the stylesheet.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer, with which browsers send `Origin: null` along with a form.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# What a page says of the act that led to it: its path names it by a code, so that no text comes from a link.
NOTICES = {
    "created": "The customer has been created.",
    "saved": "Your changes have been saved.",
    "same": "Nothing was different, so nothing has been changed.",
    "enabled": "The account has been enabled.",
    "disabled": "The account has been disabled, and its sessions have ended.",
    "deleted": "The customer has been deleted.",
    "mailed": "A link for a new password is on its way, unless the account is disabled, or has had one within the last "
    "minute or five within a day.",
    "address-added": "The address has been added.",
    "address-saved": "The address has been saved.",
    "address-deleted": "The address has been deleted.",
    "session-ended": "The session has ended.",
    "sessions-ended": "All sessions have ended.",
    "group-created": "The group has been created.",
    "group-renamed": "The group has been renamed.",
    "group-deleted": "The group has been deleted.",
    "signed-out": "You have signed out.",
    "unsaved": "Your session had ended, so the last change has not been made. Sign in to go on.",
}


@blueprint.after_request
def protect(response: Response) -> Response:
    """Give a page its headers."""
    response.headers.update(_HEADERS)
    return response


def back(uuid: UUID, done: str) -> Response:
    """Send a browser back to a customer's page."""
    return guard.go("edit_customer", uuid=uuid, done=done)


def show(template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> Response:
    """Return a page. What it shows in any case is filled in here: who is signed in, and what has just been done."""
    claim: Claim | None = request.environ.get(CLAIM)
    admin = claim.caller.admin if claim else None
    common: dict[str, Any] = {
        "admin": admin,
        "token": guard.token(admin.digest) if admin else "",
        "notice": NOTICES.get(request.args.get("done", "")) if status < 400 else None,
        "faults": {},
    }
    return make_response(render_template(template, **{**common, **values}), status, headers)


@blueprint.errorhandler(Exception)
def fail(error: Exception) -> Response:
    """Answer any exception with a page, of the status and with the headers that the API would use."""
    found = answers.understand(error)
    titles = {404: "Not found", 405: "Not found"}
    values = {
        "title": titles.get(found.status, "Sorry, that failed" if found.status >= 500 else "This did not work"),
        "message": sentence(found),
        "errors": found.errors or {},
        "request_id": request.environ[ID] if found.status >= 500 else None,
    }
    return show("error.html", found.status, answers.headers(error, found), **values)


@blueprint.app_errorhandler(NotFound)
@blueprint.app_errorhandler(MethodNotAllowed)
def lost(error: HTTPException) -> Response:
    """Answer where no route is: with a page to a browser among the pages, in the envelope to everybody else."""
    among = request.path.startswith("/admin/") and not request.path.startswith("/admin/user/")  # which is the API's
    if among and "text/html" in request.accept_mimetypes.values():
        return protect(fail(error))
    return answers.fail(error)


def refused(found: ServiceError) -> dict[str, Any]:
    """Return what a form is shown again with when its act was refused: the status, the headers, and what to say."""
    field = _FIELDS.get(type(found))
    faults = {field: [sentence(found)]} if field else dict(found.errors or {})
    alert = None if faults else sentence(found)
    return {"status": found.status, "headers": dict(found.headers), "faults": faults, "alert": alert}


# Refusals that a field of the form is the cause of.
_FIELDS: dict[type[ServiceError], str] = {errors.EmailTaken: "email", errors.GroupNameTaken: "group_name"}


def sentence(found: ServiceError) -> str:
    """Return an error's message with a full stop, and with the time to wait where there is one to be told."""
    if found.status == 429:
        return found.message.replace("later", f"in {duration(int(found.headers['Retry-After']))}") + "."
    return found.message.rstrip(".") + "."


def duration(seconds: int) -> str:
    """Return a number of seconds for people: in minutes, rounded up, from two minutes on."""
    if seconds >= 120:
        return f"{-(-seconds // 60)} minutes"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
