"""Signing in and out on pages."""

from flask import Response, make_response, redirect, url_for

from customers import auth
from customers.api import resources
from customers.errors import InvalidCredentials, InvalidInput, ServiceError
from customers.pages import forms, guard
from customers.pages.blueprint import blueprint, refused, show
from customers.sessions import schemas, service


@blueprint.route("/admin")
@auth.public
def home() -> Response:
    """Lead to the list, which leads to the login if need be."""
    return make_response(redirect(url_for("pages.list_customers")))


@blueprint.route("/admin/login", methods=["GET"])
@auth.public
def log_in() -> Response:
    """Show the form; whoever is signed in already goes on."""
    sid = auth.in_cookie("admin")
    if sid is not None and service.identify(resources(), [sid], auth.origin()).admin:
        return make_response(redirect(guard.destination(), 303))
    return show("login.html", next=guard.destination(), email="")


@blueprint.route("/admin/login", methods=["POST"], endpoint="start_session")
@auth.sign_in
def start_session() -> Response:
    """Sign an admin in. No token here: there is no session to make one for, so the cross-site rule stands alone."""
    values = forms.typed("email", "password")
    try:
        auth.log_in("admin", forms.checked(schemas.Login(), values))
    except ServiceError as error:
        # What is no address cannot be an account's: the same words as for every other failure.
        found = InvalidCredentials() if isinstance(error, InvalidInput) else error
        return show("login.html", next=guard.destination(), email=values["email"], **refused(found))
    return make_response(redirect(guard.destination(), 303))


@blueprint.route("/admin/logout", methods=["POST"])
@guard.page
def log_out() -> Response:
    """End the admin's session; a customer's in the same browser goes on."""
    auth.log_out("admin", auth.in_cookie("admin"))
    return make_response(redirect(url_for("pages.log_in", done="signed-out"), 303))
