"""flask-smorest, made to speak as the contract does: 400 instead of 422, one error envelope, documented errors."""

import functools
import json
from typing import Any

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, Response, current_app
from flask_smorest import Blueprint as SmorestBlueprint

from customers import __version__, answers, errors, fields
from customers.answers import ErrorAnswer
from customers.errors import ServiceError
from customers.parsing import Parser
from customers.resources import Resources

# What any route may answer, and what any route that takes a body may.
_ALWAYS = (errors.BadRequest, errors.BodyTooLarge, errors.UriTooLong, errors.HeadersTooLarge, ServiceError)
_WITH_DATABASE = (errors.Unavailable, errors.SchemaMissing)
_WITH_BODY = (errors.MalformedJson, errors.InvalidInput, errors.UnsupportedMediaType)


def resources() -> Resources:
    """Return the resources of the application that handles this request or command."""
    found: Resources = current_app.extensions["customers"]
    return found


def raises(*found: type[ServiceError]) -> Any:
    """Document which errors a view may answer, beside those that any view may."""

    def decorate(view: Any) -> Any:
        document(view, errors=found)
        return view

    return decorate


def without_database(view: Any) -> Any:
    """Document that a view needs no database."""
    view.__dict__.setdefault("_apidoc", {})["uses_database"] = False
    return view


def asked_about_writes(view: Any) -> Any:
    """Document that a GET answers for other requests, writes among them, and so by the cross-site rule."""
    view.__dict__.setdefault("_apidoc", {})["asked_about_writes"] = True
    return view


def document(view: Any, *, errors: tuple[type[ServiceError], ...] = (), **manual: Any) -> None:
    """Add to what is documented of a view: errors it may answer, and anything that OpenAPI says of an operation."""
    notes = view.__dict__.setdefault("_apidoc", {})
    notes["errors"] = (*notes.get("errors", ()), *errors)
    notes["manual_doc"] = {**notes.get("manual_doc", {}), **manual}


class Blueprint(SmorestBlueprint):
    """A blueprint whose routes are documented with the errors they answer and the name of their function."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(self._prepare_errors_doc)

    def _store_endpoint_docs(self, endpoint: str, *args: Any, **kwargs: Any) -> None:
        super()._store_endpoint_docs(endpoint, *args, **kwargs)
        for operation in self._docs[endpoint].values():
            if operation:
                operation.setdefault("manual_doc", {})["operationId"] = endpoint

    @staticmethod
    def _prepare_errors_doc(doc: Any, doc_info: Any, *, api: Any, spec: Any, method: str, **_: Any) -> Any:
        found = [*doc_info.get("errors", ()), *_ALWAYS]
        if doc_info.get("uses_database", True):
            found += _WITH_DATABASE
        if "requestBody" in doc:
            found += _WITH_BODY
        elif "parameters" in doc:
            found += [errors.InvalidInput]
        if method == "get" and not doc_info.get("asked_about_writes"):
            found = [error for error in found if error is not errors.CrossSite]
        responses = doc.setdefault("responses", {})
        responses.pop(Parser.DEFAULT_VALIDATION_STATUS, None)  # smorest's own note, without the codes
        for status in sorted({error.status for error in found}):
            responses[status] = _described([error for error in dict.fromkeys(found) if error.status == status])
        return doc


def _described(found: list[type[ServiceError]]) -> dict[str, Any]:
    """Return the OpenAPI response object of errors that share a status."""
    headers = {
        name: {"schema": {"type": "string"}, "example": text} for error in found for name, text in error.headers.items()
    }
    return {
        "description": "; ".join(f"`{error.code}`: {error.message}" for error in found),
        "content": {
            "application/json": {
                "schema": ErrorAnswer,
                "examples": {error.code: {"value": answers.envelope(_example(error))} for error in found},
            }
        },
        **({"headers": headers} if headers else {}),
    }


def _example(error: type[ServiceError]) -> ServiceError:
    """Return an error as it is answered; one for fields names one."""
    example = error()
    if error is errors.InvalidInput:
        example.errors = {"email": ["Not a valid email address."]}
    return example


class Api(flask_smorest.Api):
    """The OpenAPI document, and the one error handler."""

    ERROR_SCHEMA = ErrorAnswer
    DEFAULT_ERROR_RESPONSE_NAME = None  # each route documents its own

    def _register_pagination_header(self) -> None:
        """Leave out what flask-smorest's own pagination would need."""

    _register_etag_headers = _register_pagination_header

    def _register_error_handlers(self) -> None:
        self._app.register_error_handler(Exception, answers.answer)

    @functools.cached_property
    def document(self) -> str:
        """The OpenAPI document as JSON, written once."""
        return json.dumps(self.spec.to_dict(), indent=1, ensure_ascii=False)

    def _openapi_json(self) -> Response:
        return Response(self.document, mimetype="application/json")

    _openapi_json.access = "public"  # type: ignore[attr-defined]  # what the decorators of auth.py note of a view


class _Converter(OpenAPIConverter):
    """Documents two rules that are kept outside of a schema."""

    def schema2jsonschema(self, schema: Any) -> Any:
        """Say of the body of a PATCH that it must name something that can be changed."""
        found = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]  # apispec's own
        if isinstance(schema, fields.Changes):
            found["anyOf"] = [{"required": [name]} for name in found["properties"]]
        return found

    def field2nullable(self, field: Any, ret: Any) -> Any:
        """Say that a field takes null, unless the act refuses it."""
        return {} if field.metadata.get("refuses_null") else super().field2nullable(field, ret)


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


def install(app: Flask, cookie: str) -> Api:
    """Give an application the API's machinery; blueprints are registered at what this returns."""
    app.config.update(
        API_TITLE="Customers",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(
        app,
        spec_kwargs={
            "marshmallow_plugin": _Plugin(),
            "info": {
                "description": "Customer accounts of an online shop: EverShop's documented Customer REST API.\n\n"
                "Every answer carries `X-Request-ID`; every error has the form of `ErrorAnswer`.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
        },
    )
    schemes = api.spec.components.security_scheme
    schemes("sessionHeader", {"type": "apiKey", "in": "header", "name": "X-Session-ID", "description": "The bare sid."})
    schemes("sessionCookie", {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Set by a login."})
    uuid = {"type": "string", "format": "uuid"}
    app.url_map.converters |= {"uuid": fields.AnyUUID, "customer": fields.CustomerUUID}
    api.register_converter(fields.AnyUUID, lambda _: uuid)
    api.register_converter(fields.CustomerUUID, lambda _: {"anyOf": [uuid, {"type": "string", "const": fields.ME}]})
    api.register_field(fields.Status, None, None)
    api.register_field(fields.Timestamp, None, None)
    return api
