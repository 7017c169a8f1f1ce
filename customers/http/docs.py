"""The documentation: `/openapi.json`, and Swagger UI at `/docs`, with assets from an installed package."""

from importlib.resources import files

from flask import Blueprint, Flask, Response, make_response, render_template, send_from_directory

from customers.http import access
from customers.http.answers import JSON
from customers.http.openapi import Api

_ASSETS = str(files("flask_swagger_ui") / "dist")
# Swagger UI writes style attributes and draws its icons from data: URLs; it needs nothing else that is not ours.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint(
    "docs", __name__, url_prefix="/docs", template_folder="templates", static_folder="static", static_url_path="/own"
)


def install(app: Flask, api: Api, *, page: bool) -> None:
    """Serve the document of an API; with ``page`` also the page that shows it."""
    app.add_url_rule("/openapi.json", "openapi", access.public(lambda: Response(api.text, content_type=JSON)))
    if page:
        app.register_blueprint(blueprint)


@blueprint.route("")
@access.public
def show() -> Response:
    """Serve the page."""
    response = make_response(render_template("docs.html"))
    response.headers |= {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}
    return response


@blueprint.route("/assets/<path:name>")
@access.public
def asset(name: str) -> Response:
    """Serve a file of Swagger UI."""
    return send_from_directory(_ASSETS, name, max_age=86400)
