"""Request bodies and query strings, read strictly: what is ambiguous is refused."""

import codecs
import json
from io import BytesIO
from typing import Any, NoReturn

import marshmallow as ma
from flask import request
from gunicorn.http.errors import ParseException
from webargs import core
from webargs.flaskparser import FlaskParser

from customers import errors, rules
from customers.http import context

_BODY = "customers.body"  # in the WSGI environment
_QUERIES = 500  # query strings whose loaded values are kept


def read_body(environ: dict[str, Any]) -> bytes:
    """Return the body as it was sent; it can be read again, a form too.

    Raises BodyTooLarge, and MalformedJson for one that breaks off.
    """
    body: bytes | None = environ.get(_BODY)
    if body is not None:
        return body
    length, limit = int(environ.get("CONTENT_LENGTH") or 0), context.current().settings.max_body
    is_chunked = not length and environ.get("wsgi.input_terminated")  # perhaps: the server finds the end
    try:
        body = environ["wsgi.input"].read(limit + 1 if is_chunked else min(length, limit + 1))
    except ParseException:  # malformed chunks
        raise errors.MalformedJson() from None
    if len(body) > limit:
        raise errors.BodyTooLarge()
    # gunicorn says nothing of a client that has gone: what is there may be JSON, and not what was meant.
    if len(body) < length:
        raise errors.MalformedJson()
    environ[_BODY], environ["wsgi.input"] = body, BytesIO(body)
    return body


class Parser(FlaskParser):
    """webargs' parser for Flask, without its steps around a schema, which cost as much as the schema."""

    DEFAULT_VALIDATION_STATUS = 400

    def __init__(self) -> None:
        super().__init__()
        self._queries: dict[tuple[Any, bytes], dict[str, Any]] = {}

    def parse(self, argmap: Any, req: Any = None, *, location: str | None = None, **_: Any) -> Any:
        """Return what a schema loads from a request; a query string that was loaded before is not loaded again.

        Raises InvalidInput, and what read_object() raises.
        """
        if location != "query":
            return load(argmap, read_object())
        key = argmap, request.query_string
        loaded = self._queries.get(key)
        if loaded is None:
            loaded = load(argmap, _read_query())
            if len(self._queries) >= _QUERIES:
                self._queries.clear()
            self._queries[key] = loaded
        return dict(loaded)


def read_object() -> dict[str, Any]:
    """Return the body as a JSON object. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson, InvalidInput."""
    # JSON is UTF-8 (RFC 8259 section 8.1): another charset, or a coding, is refused rather than guessed at.
    environ = request.environ
    plain = environ.get("CONTENT_TYPE") == "application/json" or (core.is_json(request.mimetype) and _is_utf8())
    if not plain or environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise errors.UnsupportedMediaType()
    data = read_body(environ)
    try:
        body = _decode(data.decode())
    except (ValueError, RecursionError):
        raise errors.MalformedJson() from None
    if not isinstance(body, dict):
        raise errors.MalformedJson()
    # Here and not in the schemas, so that it holds for ignored properties, too.
    unstorable = [name for name, value in body.items() if not rules.is_storable(name) or not rules.is_storable(value)]
    if unstorable:
        said = [rules.UNSTORABLE]
        raise errors.InvalidInput(errors={name.encode(errors="replace").decode(): said for name in unstorable})
    return body


def _read_query() -> dict[str, str]:
    """Return the query string. Raises InvalidInput for a parameter given twice: nobody knows which is meant."""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise errors.InvalidInput(errors={name: ["Must be given once."] for name in twice})
    return request.args.to_dict()


def load(schema: ma.Schema, data: Any) -> dict[str, Any]:
    """Return what a schema loads, without what it merely lets pass. Raises InvalidInput, with the faults by field."""
    try:
        loaded: dict[str, Any] = schema.load(data, unknown=ma.EXCLUDE if schema.unknown == ma.INCLUDE else None)
    except ma.ValidationError as error:
        raise errors.InvalidInput(errors=error.messages_dict) from None
    return loaded


def _is_utf8() -> bool:
    try:
        return codecs.lookup(request.mimetype_params.get("charset", "utf-8")).name == "utf-8"
    except (LookupError, ValueError):
        return False


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, as a JSON decoder's ``parse_constant``. Raises ValueError."""
    raise ValueError(f"{name} is not JSON (RFC 8259 section 6)")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises ValueError for a name that comes twice: readers differ on which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


_decode = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=_refuse_duplicates).decode
