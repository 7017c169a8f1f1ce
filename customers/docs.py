"""The documentation page: Swagger UI, with assets from an installed package and nothing from elsewhere."""

from importlib.resources import files

from flask import Blueprint, Response, make_response, render_template, send_from_directory

from customers import auth

blueprint = Blueprint("docs", __name__, url_prefix="/docs", static_folder="static", static_url_path="/own")

_ASSETS = str(files("flask_swagger_ui") / "dist")
# Swagger UI writes style attributes and draws its icons from data: URLs; it needs nothing else that is not ours.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.route("")
@auth.public
def show() -> Response:
    """Serve the page."""
    response = make_response(render_template("docs.html"))
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.route("/assets/<path:name>")
@auth.public
def asset(name: str) -> Response:
    """Serve a file of Swagger UI."""
    return send_from_directory(_ASSETS, name, max_age=86400)
