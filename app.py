"""The application: settings in, a Flask application out. The one place that wires everything together."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Map, MapAdapter, Rule

from customers import config, staff
from customers.bulk import commands as bulk
from customers.config import Settings
from customers.context import Context
from customers.features.accounts import routes as accounts
from customers.features.addresses import routes as addresses
from customers.features.audit import routes as audit
from customers.features.groups import routes as groups
from customers.features.operator import commands as operator
from customers.features.passwords import routes as passwords
from customers.features.sessions import routes as sessions
from customers.http import answers, context, docs, health, openapi, request
from customers.http.cookies import Cookies

FEATURES = (accounts, passwords, addresses, sessions, audit, groups, health)


class Route(MapAdapter):
    """The route of a path and method, looked for once: the search costs a tenth of a read."""

    @functools.cached_property
    def found(self) -> tuple[Rule, Mapping[str, Any]]:
        """The URL rule and its arguments. Raises werkzeug's errors, each time anew."""
        return super().match(return_rule=True)

    def match(self, *args: Any, **kwargs: Any) -> Any:
        """Return what was found, as Flask asks for it; or else what werkzeug finds."""
        if args or kwargs != {"return_rule": True}:
            return super().match(*args, **kwargs)
        rule, values = self.found
        return rule, dict(values)


@functools.lru_cache(maxsize=500)
def _route(routes: Map, path: str, method: str) -> Route:
    return Route(routes, "", "/", "", "http", path, method)


class Service(Flask):
    """Flask without what no request here needs: names of hosts, functions around views, views that are coroutines."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds a request's route: by its path alone."""
        if request is None:
            return None
        # werkzeug takes "//api" for "/api", which nothing in front of us does. No route has a "?".
        path = "/?" if request.environ["PATH_INFO"].startswith("//") else request.path
        return _route(self.url_map, path, request.method)

    def preprocess_request(self) -> None:
        """Do nothing: no function is registered to be called before views."""

    def do_teardown_request(self, exc: Any = None) -> None:
        """Do nothing: no function is registered to be called at the end of a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view as it is."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application that settings describe, by default those of the environment.

    Connects to nothing and starts nothing; that happens at first use. Raises ConfigurationError.
    """
    settings = settings or config.load(os.environ)
    app = Service("customers", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.former_secret_keys),
        SESSION_COOKIE_NAME=settings.cookie,
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # the rows in the database say how long a session lives
        PERMANENT_SESSION_LIFETIME=max(settings.customer_lifetime, settings.admin_lifetime),
    )
    app.session_interface = Cookies()
    app.url_map.merge_slashes = False  # a redirect would be an answer that is not JSON
    wsgi = request.around(app.wsgi_app, settings)
    if settings.trusted_proxies:
        # Only the address: what host and scheme a proxy claims decides nothing here.
        wsgi = ProxyFix(wsgi, x_for=settings.trusted_proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0)
    app.wsgi_app = wsgi  # type: ignore[assignment, method-assign]  # how Flask documents that middleware is added
    app.extensions[context.NAME] = Context.of(settings)

    app.register_error_handler(Exception, answers.fail)
    api = openapi.install(app, settings.cookie, answers.fail)
    for feature in FEATURES:
        api.register_blueprint(feature.blueprint)
    app.add_url_rule("/metrics", view_func=health.get_metrics)
    if settings.evershop_cookie_secrets:
        app.add_url_rule("/admin/user/logout", view_func=sessions.logout_admin_by_get)
    docs.install(app, api, page=settings.docs)
    if settings.pages:
        app.register_blueprint(staff.blueprint)
    app.register_blueprint(operator.blueprint)
    app.register_blueprint(bulk.blueprint)
    return app
