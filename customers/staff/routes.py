"""All pages, and how an application gets them."""

from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from customers.staff import addresses, customers, groups, listing, login
from customers.staff.blueprint import blueprint, lost

__all__ = ["addresses", "customers", "groups", "install", "listing", "login"]  # each adds its routes


def install(app: Flask) -> None:
    """Give an application the pages."""
    app.register_blueprint(blueprint)
    app.register_error_handler(NotFound, lost)
    app.register_error_handler(MethodNotAllowed, lost)
