"""Request bodies and query strings, read strictly: what is ambiguous is refused."""

import codecs
import json
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request, request
from gunicorn.http.errors import ParseException
from webargs import core
from webargs.flaskparser import FlaskParser

from customers import errors, rules
from customers.errors import FieldErrors

_QUERIES = 500  # query strings whose loaded values are kept


def read_body(req: Request) -> bytes:
    """Return the body as it was sent. Raises BodyTooLarge, and MalformedJson for one that breaks off."""
    try:
        data = req.get_data()
    except ParseException:  # malformed chunks
        raise errors.MalformedJson() from None
    # werkzeug's limit is a byte more than ours (app.py): what reaches it was longer, and has been cut off there.
    if req.max_content_length is not None and len(data) >= req.max_content_length:
        raise errors.BodyTooLarge()
    # gunicorn says nothing of a client that has gone: what is there may be JSON, and not what was meant.
    if len(data) < (req.content_length or 0):
        raise errors.MalformedJson()
    return data


class Parser(FlaskParser):
    """webargs' parser for Flask, raising errors of ours."""

    DEFAULT_VALIDATION_STATUS = 400
    # The schemas say themselves what becomes of unknown names; webargs would drop them from query strings.
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": None}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the body as a JSON object. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson, InvalidInput."""
        # JSON is UTF-8 (RFC 8259 section 8.1): another charset, or a coding, is refused rather than guessed at.
        coding = req.headers.get("Content-Encoding", "identity").lower()
        if not core.is_json(req.mimetype) or not _is_utf8(req) or coding != "identity":
            raise errors.UnsupportedMediaType()
        data = read_body(req)
        try:
            body = _decode(data.decode())
        except (ValueError, RecursionError):
            raise errors.MalformedJson() from None
        if not isinstance(body, dict):
            raise errors.MalformedJson()
        # Here and not in the schemas, so that it holds for ignored properties, too.
        unstorable = [
            name for name, value in body.items() if not rules.is_storable(name) or not rules.is_storable(value)
        ]
        if unstorable:
            said = [rules.UNSTORABLE]
            raise errors.InvalidInput(errors={name.encode(errors="replace").decode(): said for name in unstorable})
        return body

    def __init__(self) -> None:
        super().__init__()
        self._queries: dict[tuple[Any, bytes], dict[str, Any]] = {}

    def parse(self, argmap: Any, req: Any = None, *, location: str | None = None, **options: Any) -> Any:
        """Return what a schema loads from a request; a query string that was loaded before is not loaded again."""
        if location != "query":
            return super().parse(argmap, req, location=location, **options)
        key = argmap, request.query_string
        loaded = self._queries.get(key)
        if loaded is None:
            loaded = super().parse(argmap, req, location=location, **options)
            if len(self._queries) >= _QUERIES:
                self._queries.clear()
            self._queries[key] = loaded
        return dict(loaded)

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """Return the query string. Raises InvalidInput for a parameter given twice: nobody knows which is meant."""
        twice = [name for name, values in req.args.lists() if len(values) > 1]
        if twice:
            raise errors.InvalidInput(errors={name: ["Must be given once."] for name in twice})
        return super().load_querystring(req, schema)

    def handle_error(self, error: ma.ValidationError, *_: object, **__: object) -> NoReturn:
        """Raise the validation's findings, by field."""
        by_location: dict[str, Any] = error.messages_dict
        raise errors.InvalidInput(errors=flat(next(iter(by_location.values()), {})))


def _is_utf8(req: Request) -> bool:
    try:
        return codecs.lookup(req.mimetype_params.get("charset", "utf-8")).name == "utf-8"
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


def flat(messages: Any) -> FieldErrors:
    """Return marshmallow's messages as field -> list of texts, whatever they are nested in."""
    return {
        str(field): [str(text) for text in found] if isinstance(found, list) else [json.dumps(found)]
        for field, found in messages.items()
    }
