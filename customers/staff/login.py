"""Signing in and out on pages."""

from flask import Response, make_response, redirect, request

from customers.errors import InvalidCredentials, InvalidInput, ServiceError
from customers.features.sessions import schemas
from customers.features.sessions.routes import end_session, start_session
from customers.http import access
from customers.http.json_body import load, read_body
from customers.security.callers import Claim
from customers.staff import forms, guard
from customers.staff.blueprint import blueprint, refused, show


@blueprint.route("/admin", strict_slashes=False)
@access.public
def home() -> Response:
    """Lead to the list, which leads to the login if need be."""
    return guard.go("list_customers")


@blueprint.route("/admin/login", methods=["GET", "POST"])
@access.sign_in  # and no token: there is no session to make one for
def log_in() -> Response:
    """Show the form, and sign an admin in; whoever is signed in already goes on."""
    if request.method != "POST":
        return _onward() if guard.signed_in() else show("login.html", next=guard.destination(), email="")
    read_body(request.environ)
    values = forms.typed("email", "password")
    try:
        start_session("admin", load(schemas.Login(), values))
    except ServiceError as error:
        # What is no e-mail cannot be an account's: the same words as for every other failure.
        found = InvalidCredentials() if isinstance(error, InvalidInput) else error
        return show("login.html", next=guard.destination(), email=values["email"], **refused(found))
    return _onward()


def _onward() -> Response:
    return make_response(redirect(guard.destination(), 303))


@blueprint.route("/admin/logout", methods=["POST"])
@guard.page
def log_out(_claim: Claim) -> Response:
    """End the admin's session; a customer's in the same browser goes on."""
    end_session("admin")
    return guard.go("log_in", done="signed-out")
