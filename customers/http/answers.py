"""What goes out: one decorator that dumps, tags and documents an answer, and the one form of every error."""

import functools
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

import marshmallow as ma
import psycopg
from flask import Response
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from customers import errors
from customers.db.documents import Document, Page, encode
from customers.db.engine import is_gone
from customers.db.migrate import NO_SCHEMA
from customers.errors import ServiceError
from customers.http import etags, openapi, paging
from customers.telemetry import logs

log = logging.getLogger(__name__)

JSON = "application/json"

_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of what was created"}}


class JsonResponse(Response):
    """A response whose whole body and headers are known when it is made: werkzeug need not look for what is missing."""

    def __init__(self, body: str, status: int, headers: dict[str, str]) -> None:
        data = body.encode()
        found = Headers()  # filled one by one, which costs a third of passing it all
        for name, value in {**headers, "Content-Type": JSON, "Content-Length": str(len(data))}.items():
            found.add(name, value)
        super().__init__([data], status, found)

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, as WSGI has it."""
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.iter_encoded()


class Created(NamedTuple):
    """What a POST has created: what to answer, its path, and whether an earlier request created it."""

    data: Any
    path: str
    replayed: bool = False


def answers(
    status: int,
    schema: type[ma.Schema] | None = None,
    *,
    many: bool = False,
    page: bool = False,
    raises: tuple[type[ServiceError], ...] = (),
    etag: bool = False,
    headers: dict[str, Any] | None = None,
) -> Any:
    """Return a decorator that answers ``{"data": …}`` with what a view returns, and documents it with its errors.

    A view returns a row or mapping, which ``schema`` dumps (``many``: a list of them); a Document, or with ``page`` a
    Page, whose JSON the database has written; a Created; None for no data; or a Response. ``etag`` adds the version of
    what is answered as its ETag, and answers a read with 304 to a caller who has it.
    """
    dump: Callable[[Any], Any] = schema(many=many).dump if schema else (lambda _: {})

    def decorate(view: openapi.View) -> openapi.View:
        @functools.wraps(view)
        def answered(*args: Any, **kwargs: Any) -> Response:
            return _respond(view(*args, **kwargs), status, dump, etag=etag)

        openapi.note(answered, errors=raises)
        success: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": dict(headers or {})}
        if status == HTTPStatus.CREATED:
            success["headers"] |= _LOCATION
        if etag:
            success["headers"] |= etags.HEADER
        if status != HTTPStatus.NO_CONTENT:
            success["content"] = {JSON: {"schema": _envelope(schema, many=many or page, page=page)}}
        others = answered.__dict__["notes"].get("responses", {})
        return openapi.note(answered, responses={status: success, **others})

    return decorate


def _respond(found: Any, status: int, dump: Callable[[Any], Any], *, etag: bool) -> Response:
    """Return what a view returned as an answer."""
    version = None
    headers: dict[str, str] = {}
    if isinstance(found, Response):
        return found
    if isinstance(found, Created):
        headers["Location"] = found.path
        if found.replayed:
            headers["Idempotent-Replayed"] = "true"
        found = found.data
    if isinstance(found, Document):
        body, version = f'{{"data":{found.body}}}', found.version
    elif isinstance(found, Page):
        body = f'{{"data":{found.body},{encode(paging.place(found))[1:]}'
    else:
        if etag:
            version = found.version if isinstance(found, Row) else found["version"]
        body = encode({"data": dump(found)})
    if etag and version is not None:
        headers["ETag"] = f'"{version}"'
        if etags.has_current(version):
            return Response(status=304, headers=headers)
    return JsonResponse(body, status, headers)


# ---------------------------------------------------------------- errors

# What werkzeug raises by itself, as errors of ours.
_BY_STATUS: dict[int, type[ServiceError]] = {
    400: errors.BadRequest,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    500: ServiceError,
}


def envelope(error: ServiceError) -> dict[str, Any]:
    """Return the one form that every error is answered in."""
    detail: dict[str, Any] = {"status": error.status, "code": error.code, "message": error.message}
    if error.errors is not None:
        detail["errors"] = error.errors
    return {"error": detail}


def fail(error: Exception) -> Response:
    """Turn any exception into an answer; what is not the caller's doing is logged with its cause."""
    found = understand(error)
    return JsonResponse(encode(envelope(found)), found.status, headers(error, found))


def understand(error: Exception) -> ServiceError:
    """Return the error of ours that an exception stands for; log what is not the caller's doing."""
    found = _service_error(error)
    if found.status == 500:
        log.error("%s while serving a request", type(error).__name__, exc_info=error)
    elif found.status > 500 and found is not error:
        # One line: while the database is down this is written for every request, and the traceback is always the same.
        log.warning("%s", logs.cause(error))
    return found


def headers(error: Exception, found: ServiceError) -> dict[str, str]:
    """Return the headers that an exception, understood as this error, is answered with."""
    kept = dict(error.get_headers()) if isinstance(error, HTTPException) else {}  # such as Allow
    kept.pop("Content-Type", None)
    return {**found.headers, **kept}


def _service_error(error: Exception) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    if isinstance(getattr(error, "orig", error), NO_SCHEMA):  # SQLAlchemy's error around it, or psycopg's itself
        return errors.SchemaMissing()
    if _is_outage(error):
        return errors.Unavailable()
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return _of_status(HTTPStatus(error.code))
    return ServiceError()


_OUTAGES = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


def _is_outage(error: Exception) -> bool:
    """Return whether the database is away, or as good as: a primary that has become a standby is left, too."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or is_gone(error) or isinstance(error, _OUTAGES)


def _of_status(status: HTTPStatus) -> ServiceError:
    """Return the error of ours for a status; where there is none, one in HTTP's own words."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]()
    error = ServiceError(status.phrase)
    error.status, error.code = status.value, status.name.lower()
    return error


# ---------------------------------------------------------------- for the document


@functools.cache
def _envelope(schema: type[ma.Schema] | None, *, many: bool, page: bool) -> type[ma.Schema]:
    """Return the schema of an answer: `GroupAnswer`, `GroupListAnswer`, `GroupPage`; `DoneAnswer` for no data."""
    if schema is None:
        return ma.Schema.from_dict({"data": ma.fields.Dict(required=True)}, name="DoneAnswer")
    fields: dict[str, Any] = {
        "data": ma.fields.Nested(schema, many=many, required=True),
        **(paging.FIELDS if page else {}),
    }
    return ma.Schema.from_dict(fields, name=schema.__name__ + ("Page" if page else "ListAnswer" if many else "Answer"))
