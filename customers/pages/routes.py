"""All pages, and how an application gets them."""

from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from customers.pages import access, addresses, customers, groups, listing
from customers.pages.blueprint import blueprint, lost

__all__ = ["access", "addresses", "customers", "groups", "install", "listing"]  # each adds its routes


def install(app: Flask) -> None:
    """Give an application the pages."""
    app.register_blueprint(blueprint)
    app.register_error_handler(NotFound, lost)
    app.register_error_handler(MethodNotAllowed, lost)
