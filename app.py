"""The application: settings in, a Flask application out."""

import os
from datetime import timedelta

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from customers import api, cli, config, docs, embedded, health, hooks
from customers.accounts import routes as accounts
from customers.addresses import routes as addresses
from customers.audit import routes as audit
from customers.config import Settings
from customers.cookies import Cookies
from customers.exports import routes as exports
from customers.groups import routes as groups
from customers.pages import routes as pages
from customers.recovery import routes as recovery
from customers.resources import Resources
from customers.sessions import routes as sessions


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application that settings describe, by default those of the environment.

    Connects to nothing and starts nothing; that happens at first use. Only a secret key is made and kept, where the
    service is to have one of its own. Raises ConfigurationError.
    """
    settings = settings or config.load(os.environ)
    app = Flask("customers", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key or embedded.secret_key(settings.data_dir),
        SECRET_KEY_FALLBACKS=list(settings.former_secret_keys),
        SESSION_COOKIE_NAME=settings.cookie,
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,  # the rows in the database say how long a session lives
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=max(settings.customer_lifetime, settings.admin_lifetime)),
        # A byte more than is taken: werkzeug cuts a body sent in chunks off there without a word, and one that has
        # reached the limit is told from one that ends at it by that byte.
        MAX_CONTENT_LENGTH=settings.max_body + 1,
    )
    app.session_interface = Cookies()
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.sort_keys = False  # the documented order is the order of the schemas
    app.json.ensure_ascii = False
    app.url_map.merge_slashes = False  # a redirect would be an answer that is not JSON
    if settings.trusted_proxies:
        # Only the address: what host and scheme a proxy claims decides nothing here.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way to wrap a middleware
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0
        )
    app.extensions["customers"] = Resources.of(settings)

    hooks.install(app)
    smorest = api.install(app, settings.cookie)
    for blueprint in (
        accounts.blueprint,
        recovery.blueprint,
        addresses.blueprint,
        sessions.blueprint,
        exports.blueprint,
        audit.blueprint,
        groups.blueprint,
        health.blueprint,
    ):
        smorest.register_blueprint(blueprint)
    app.register_blueprint(docs.blueprint)
    if settings.pages:
        pages.install(app)
    cli.install(app)
    return app
