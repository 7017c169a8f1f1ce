"""The OpenAPI document, by flask-smorest: what decorators note of a route, and a pass over the whole at the end."""

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

import flask_smorest
import marshmallow as ma
from flask import Flask
from flask_smorest import Blueprint as SmorestBlueprint
from werkzeug.exceptions import HTTPException

from customers import __version__, errors
from customers.errors import ServiceError
from customers.http import fields
from customers.http.json_body import Parser
from customers.security.authorization import ME

View = Callable[..., Any]

_ERRORS = "x-errors"  # in an operation until the pass at the end: the errors that its route raises
_EVERYWHERE = (errors.BadRequest, errors.BodyTooLarge, errors.ServiceError)
_WITH_DATABASE = (errors.Unavailable, errors.SchemaMissing)
_WITH_QUERY = (errors.InvalidInput,)
_WITH_BODY = (errors.MalformedJson, errors.InvalidInput, errors.UnsupportedMediaType)


def note(view: View, **found: Any) -> View:
    """Attach metadata to a view, for the OpenAPI document and for tests of all routes; errors and parameters add up."""
    notes = {**getattr(view, "notes", {})}
    for name, value in found.items():
        notes[name] = (*notes.get(name, ()), *value) if name in ("errors", "parameters") else value
    view.__dict__["notes"] = notes
    return view


def noted(**found: Any) -> Callable[[View], View]:
    """Return a decorator that attaches metadata to a view, as note() does."""
    return functools.partial(note, **found)


def header(description: str) -> dict[str, Any]:
    """Return the OpenAPI object of an answer's header."""
    return {"schema": {"type": "string"}, "description": description}


def header_parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Return the OpenAPI object of a request's header."""
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string", **schema}}


class Blueprint(SmorestBlueprint):
    """A blueprint whose operations are named after their endpoints, and whose bodies are read by our parser."""

    ARGUMENTS_PARSER = Parser()

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: View | None = None, *args: Any, **options: Any
    ) -> None:
        """Register a view under a URL rule, and in the document with what is noted of it."""
        assert view_func is not None, "a route has a view"
        name = endpoint or view_func.__name__
        documented = self.doc(operationId=name, **_operation(view_func.__dict__["notes"]))(view_func)
        super().add_url_rule(rule, name, documented, *args, **options)

    def arguments(self, schema: ma.Schema | type[ma.Schema], **options: Any) -> Any:
        """Pass a view what a schema loads, of one instance: to make a schema costs more than to use it."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **options)


def _operation(notes: dict[str, Any]) -> dict[str, Any]:
    found = (*notes.get("errors", ()), *_EVERYWHERE, *(() if notes.get("without_database") else _WITH_DATABASE))
    operation: dict[str, Any] = {"responses": notes["responses"], "security": notes["security"], _ERRORS: found}
    if notes.get("parameters"):
        operation["parameters"] = list(notes["parameters"])
    return operation


class ErrorDetail(ma.Schema):
    """What was refused, and why."""

    status = ma.fields.Integer(required=True, metadata={"description": "The HTTP status"})
    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs"})
    message = ma.fields.String(required=True, metadata={"description": "For people"})
    errors = ma.fields.Dict(
        ma.fields.String(),
        ma.fields.List(ma.fields.String()),
        metadata={"description": "Field to messages, where fields are invalid"},
    )


class ErrorAnswer(ma.Schema):
    """The one form of every error."""

    error = ma.fields.Nested(ErrorDetail, required=True)


class Api(flask_smorest.Api):
    """flask-smorest's extension, with the service's own document."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # each operation documents its own
    ERROR_SCHEMA = ErrorAnswer

    @functools.cached_property
    def text(self) -> str:
        """The whole document as JSON text, made once."""
        return json.dumps(finish(self.spec.to_dict()), indent=1, ensure_ascii=False)


def install(app: Flask, cookie: str, handle: Callable[[Exception], Any]) -> Api:
    """Give an application the API's machinery; blueprints are registered at what this returns."""
    app.config.update(API_TITLE="Customers", API_VERSION=__version__, OPENAPI_VERSION="3.1.0")
    api = Api(
        app,
        spec_kwargs={
            "info": {
                "description": "Customer accounts of an online shop: EverShop's documented Customer REST API.\n\n"
                "Every answer carries `X-Request-ID`; every error has the form of `ErrorAnswer`.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
        },
    )
    app.register_error_handler(HTTPException, handle)  # instead of flask-smorest's
    schemes = api.spec.components.security_scheme
    schemes("sessionHeader", {"type": "apiKey", "in": "header", "name": "X-Session-ID", "description": "The bare sid."})
    schemes("sessionCookie", {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Set by a login."})
    app.url_map.converters |= {"uuid": fields.AnyUUID, "customer": fields.CustomerUUID}
    uuid = {"type": "string", "format": "uuid"}
    api.register_converter(fields.AnyUUID, lambda _: uuid)
    api.register_converter(fields.CustomerUUID, lambda _: {"anyOf": [uuid, {"type": "string", "const": ME}]})
    return api


def finish(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the errors of each operation, with what a PATCH must name, and nothing unused."""
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                _add_errors(operation)
    components = spec["components"]
    del components["responses"], components["schemas"]["PaginationMetadata"]  # smorest's own, which nothing refers to
    for name, schema in components["schemas"].items():
        if name.endswith("Changes"):  # the body of a PATCH must name something that can be changed
            schema["minProperties"] = 1  # generators of clients cannot read an anyOf of the fields that count
    return spec


def _add_errors(operation: dict[str, Any]) -> None:
    found = [*operation.pop(_ERRORS, ())]
    if "requestBody" in operation:
        found += _WITH_BODY
    elif any(parameter.get("in") == "query" for parameter in operation.get("parameters", ())):
        found += _WITH_QUERY
    responses = operation["responses"]
    responses.pop("400", None)  # smorest's own note, without the codes
    for status in sorted({error.status for error in found}):
        responses[str(status)] = _response(error for error in dict.fromkeys(found) if error.status == status)


def _response(found: Iterable[type[ServiceError]]) -> dict[str, Any]:
    """Return the OpenAPI response object of errors that share a status."""
    found = list(found)
    headers = {
        name: {"schema": {"type": "string"}, "example": text} for error in found for name, text in error.headers.items()
    }
    return {
        "description": "; ".join(f"`{error.code}`: {error.message}" for error in found),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
        **({"headers": headers} if headers else {}),
    }
