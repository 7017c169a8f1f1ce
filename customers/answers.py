"""Every error's one form: the envelope, and the one handler that turns any exception into it."""

import logging
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError, TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from customers import errors
from customers.errors import ServiceError
from customers.schema import NO_SCHEMA

log = logging.getLogger(__name__)

# An answer that is no page of ours is to be none in a browser either, whoever leads one to it (ASVS 5.0, 3.2.1, 3.4.3,
# 3.4.5, 3.4.6). The pages and the documentation bring policies of their own.
NO_PAGE = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "same-origin",
}

# What werkzeug raises by itself, as members of the family.
_BY_STATUS: dict[int, type[ServiceError]] = {
    400: errors.BadRequest,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    414: errors.UriTooLong,
    415: errors.UnsupportedMediaType,
    431: errors.HeadersTooLarge,
    500: ServiceError,
}


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


def envelope(error: ServiceError) -> dict[str, Any]:
    """Return the one form that every error is answered in."""
    detail: dict[str, Any] = {"status": error.status, "code": error.code, "message": error.message}
    if error.errors is not None:
        detail["errors"] = error.errors
    return {"error": detail}


def answer(error: Exception) -> Response:
    """Turn any exception into an answer; what is not the caller's doing is logged with its cause."""
    found = understand(error)
    response = jsonify(envelope(found))
    response.status_code = found.status
    response.headers.update(headers(error, found))
    return response


def understand(error: Exception) -> ServiceError:
    """Return the member of the family that an exception stands for; log what is not the caller's doing."""
    found = _member(error)
    if found.status == 500:
        log.error("%s while serving a request", type(error).__name__, exc_info=error)
    elif found.status > 500 and found is not error:
        # In a line: while the database is down this is written for every request, and the traceback is always the same.
        cause = getattr(error, "orig", None) or error
        log.warning("%s: %s", type(cause).__name__, " ".join(str(cause).split()))
    return found


def headers(error: Exception, found: ServiceError) -> dict[str, str]:
    """Return the headers that an exception, understood as this member, is answered with."""
    kept = dict(error.get_headers()) if isinstance(error, HTTPException) else {}  # such as Allow
    kept.pop("Content-Type", None)
    return {**found.headers, **kept}


def _member(error: Exception) -> ServiceError:
    """Return the member of the family that an exception stands for."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, ProgrammingError) and isinstance(error.orig, NO_SCHEMA):
        return errors.SchemaMissing()
    if _is_outage(error):
        return errors.Unavailable()
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return of_status(HTTPStatus(error.code))
    return ServiceError()


def _is_outage(error: Exception) -> bool:
    """Return whether the database is away, or as good as: a primary that has become a standby is given up, too."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, (OperationalError, InterfaceError, PoolTimeout))


def of_status(status: HTTPStatus) -> ServiceError:
    """Return the member of the family that stands for a status; where none does, one in HTTP's own words."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]()
    error = ServiceError(status.phrase)
    error.status, error.code = status.value, status.name.lower()
    return error
