"""Where a request or command finds the context of its application."""

from flask import Flask, current_app

from customers.context import Context

_NAME = "customers"


def install(app: Flask, ctx: Context) -> None:
    """Give an application its context."""
    app.extensions[_NAME] = ctx


def of(app: Flask) -> Context:
    """Return the context of an application."""
    ctx: Context = app.extensions[_NAME]
    return ctx


def current() -> Context:
    """Return the context of the application that handles this request or command."""
    ctx: Context = current_app.extensions[_NAME]
    return ctx
