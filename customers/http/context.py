"""Where a request or command finds the context of its application; app.py puts it there."""

from flask import Flask, current_app

from customers.context import Context

NAME = "customers"  # among the extensions of the application


def of(app: Flask) -> Context:
    """Return the context of an application."""
    ctx: Context = app.extensions[NAME]
    return ctx


def current() -> Context:
    """Return the context of the application that handles this request or command."""
    return of(current_app)
