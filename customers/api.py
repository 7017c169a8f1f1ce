"""flask-smorest, made to speak as the contract does: 400 instead of 422, one error envelope, documented errors."""

import functools
import json
import logging
from http import HTTPStatus
from typing import Any, NoReturn

import flask_smorest
import marshmallow as ma
from flask import Flask, Request, Response, current_app, jsonify
from flask_smorest import Blueprint as SmorestBlueprint
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError as PoolTimeout
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from customers import __version__, errors, fields
from customers.errors import ServiceError
from customers.resources import Resources

log = logging.getLogger(__name__)

# What werkzeug raises by itself, as members of the family.
_BY_STATUS: dict[int, type[ServiceError]] = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    500: ServiceError,
}

# What any route may answer, and what any route that takes a body may.
_ALWAYS = (ServiceError, errors.Unavailable)
_WITH_BODY = (errors.MalformedJson, errors.InvalidInput, errors.BodyTooLarge, errors.UnsupportedMediaType)


class ErrorDetail(ma.Schema):
    """What went wrong."""

    status = ma.fields.Integer(required=True, metadata={"description": "The HTTP status"})
    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs"})
    message = ma.fields.String(required=True, metadata={"description": "For people"})
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "Field to messages, when fields are at fault"},
    )


class ErrorAnswer(ma.Schema):
    """The envelope of every error."""

    error = ma.fields.Nested(ErrorDetail, required=True)


class Parser(FlaskParser):
    """Reads JSON bodies strictly, and refuses with errors of the family."""

    DEFAULT_VALIDATION_STATUS = 400
    # The schemas say themselves what becomes of unknown names; webargs would drop them from query strings.
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": None}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the body as a JSON object. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson, InvalidInput."""
        if not core.is_json(req.mimetype):
            raise errors.UnsupportedMediaType()
        data = req.get_data()
        if len(data) > resources().settings.max_body:
            raise errors.BodyTooLarge()
        try:
            body = json.loads(data.decode(), parse_constant=_refuse_constant)
            if not isinstance(body, dict):
                raise errors.MalformedJson()
            # Here and not in the schemas, so that it holds for ignored properties, too.
            unstorable = [name for name, value in body.items() if not (_storable(name) and _storable(value))]
        except (ValueError, RecursionError):
            raise errors.MalformedJson() from None
        if unstorable:
            said = [fields.UNSTORABLE]
            raise errors.InvalidInput(
                errors={name.encode(errors="replace").decode(): said for name in unstorable}
            )
        return body

    def handle_error(self, error: ma.ValidationError, *_: object, **__: object) -> NoReturn:
        """Raise the validation's findings, by field."""
        by_location: dict[str, Any] = error.messages_dict
        raise errors.InvalidInput(errors=_flat(next(iter(by_location.values()), {})))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON (RFC 8259 section 6)")


def _storable(value: Any) -> bool:
    """Return whether no string in a JSON value, names included, holds what no database column can."""
    if isinstance(value, str):
        return fields.is_storable(value)
    if isinstance(value, dict):
        return all(_storable(name) and _storable(item) for name, item in value.items())
    return not isinstance(value, list) or all(_storable(item) for item in value)


def _flat(messages: Any) -> dict[str, list[str]]:
    """Return marshmallow's messages as field -> list of texts, whatever they are nested in."""
    return {
        str(field): [str(text) for text in found] if isinstance(found, list) else [json.dumps(found)]
        for field, found in messages.items()
    }


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
        if "requestBody" in doc:
            found += _WITH_BODY
        elif "parameters" in doc:
            found += [errors.InvalidInput]
        if method == "get":
            found = [error for error in found if error is not errors.CrossSite]
        else:
            found += [errors.BodyTooLarge]
        responses = doc.setdefault("responses", {})
        responses.pop(Parser.DEFAULT_VALIDATION_STATUS, None)  # smorest's own note, without the codes
        for status in sorted({error.status for error in found}):
            responses[status] = _described([error for error in dict.fromkeys(found) if error.status == status])
        return doc


def _described(found: list[type[ServiceError]]) -> dict[str, Any]:
    """Return the OpenAPI response object of errors that share a status."""
    headers = {
        name: {"schema": {"type": "string"}, "description": text} for e in found for name, text in e.headers.items()
    }
    return {
        "description": "; ".join(f"`{error.code}`: {error.message}" for error in found),
        "content": {
            "application/json": {
                "schema": ErrorAnswer,
                "examples": {error.code: {"value": envelope(error())} for error in found},
            }
        },
        **({"headers": headers} if headers else {}),
    }


def envelope(error: ServiceError) -> dict[str, Any]:
    """Return the one form that every error is answered in."""
    detail: dict[str, Any] = {"status": error.status, "code": error.code, "message": error.message}
    if error.errors is not None:
        detail["errors"] = error.errors
    return {"error": detail}


def answer(error: Exception) -> Response:
    """Turn any exception into an answer; what is not the caller's doing is logged with its cause."""
    found = _member(error)
    if found.status >= 500 and found is not error:
        log.log(
            logging.ERROR if found.status == 500 else logging.WARNING,
            "%s while serving a request",
            type(error).__name__,
            exc_info=error,
        )
    response = jsonify(envelope(found))
    response.status_code = found.status
    response.headers.update(found.headers)
    if isinstance(error, HTTPException):
        kept = {name: value for name, value in error.get_headers() if name != "Content-Type"}  # such as Allow
        response.headers.update(kept)
    return response


def _member(error: Exception) -> ServiceError:
    """Return the member of the family that an exception stands for."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        return errors.Unavailable()
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        known = _BY_STATUS.get(error.code)
        if known:
            return known()
        other = ServiceError(HTTPStatus(error.code).phrase)
        other.status, other.code = error.code, HTTPStatus(error.code).name.lower()
        return other
    return ServiceError()


class Api(flask_smorest.Api):
    """The OpenAPI document, and the one error handler."""

    ERROR_SCHEMA = ErrorAnswer
    DEFAULT_ERROR_RESPONSE_NAME = None  # each route documents its own

    def _register_error_handlers(self) -> None:
        self._app.register_error_handler(Exception, answer)

    @functools.cached_property
    def document(self) -> str:
        """The OpenAPI document as JSON, written once."""
        return json.dumps(self.spec.to_dict(), indent=1, ensure_ascii=False)

    def _openapi_json(self) -> Response:
        return Response(self.document, mimetype="application/json")

    _openapi_json.access = "public"  # type: ignore[attr-defined]  # what the decorators of auth.py note of a view


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
    app.url_map.converters["uuid"] = fields.AnyUUID
    api.register_converter(fields.AnyUUID, lambda _: {"type": "string", "format": "uuid"})
    api.register_field(fields.Status, None, None)
    api.register_field(fields.Timestamp, None, None)
    return api
