"""Request bodies and query strings, read as strictly as CONTRACT section 3 says, refused with errors of the family."""

import json
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request
from gunicorn.http.errors import ParseException
from webargs import core
from webargs.flaskparser import FlaskParser

from customers import errors, rules


def read_body(req: Request) -> bytes:
    """Return the body as it was sent.

    Raises BodyTooLarge, and MalformedJson for one that breaks off or comes in malformed chunks.
    """
    try:
        data = req.get_data()
    except ParseException:
        raise errors.MalformedJson() from None
    # The limit is a byte more than is taken (app.py): what reaches it was longer, and has been cut off there.
    if req.max_content_length is not None and len(data) >= req.max_content_length:
        raise errors.BodyTooLarge()
    # gunicorn says nothing of a client that has gone: what is there may be JSON, and not what was meant.
    if len(data) < (req.content_length or 0):
        raise errors.MalformedJson()
    return data


class Parser(FlaskParser):
    """Reads JSON bodies strictly, and refuses with errors of the family."""

    DEFAULT_VALIDATION_STATUS = 400
    # The schemas say themselves what becomes of unknown names; webargs would drop them from query strings.
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": None}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the body as a JSON object. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson, InvalidInput."""
        # JSON is UTF-8 (RFC 8259 section 8.1): another charset, or a coding, is refused rather than guessed at.
        charset = req.mimetype_params.get("charset", "utf-8").lower()
        coding = req.headers.get("Content-Encoding", "identity").lower()
        if not core.is_json(req.mimetype) or charset != "utf-8" or coding != "identity":
            raise errors.UnsupportedMediaType()
        data = read_body(req)
        try:
            body = json.loads(data.decode(), parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)
            if not isinstance(body, dict):
                raise errors.MalformedJson()
            # Here and not in the schemas, so that it holds for ignored properties, too.
            unstorable = [name for name, value in body.items() if not (is_storable(name) and is_storable(value))]
        except (ValueError, RecursionError):
            raise errors.MalformedJson() from None
        if unstorable:
            said = [rules.UNSTORABLE]
            raise errors.InvalidInput(errors={name.encode(errors="replace").decode(): said for name in unstorable})
        return body

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


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, as a JSON decoder's ``parse_constant``. Raises ValueError."""
    raise ValueError(f"{name} is not JSON (RFC 8259 section 6)")


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, as a JSON decoder's ``object_pairs_hook``. Raises ValueError for a name that comes twice.

    Which one counts differs between readers (RFC 8259 section 4): what a filter in front has approved may be the other.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def is_storable(value: Any) -> bool:
    """Return whether no string in a JSON value, names included, holds what no database column can."""
    if isinstance(value, str):
        return rules.is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(item) for name, item in value.items())
    return not isinstance(value, list) or all(is_storable(item) for item in value)


def flat(messages: Any) -> dict[str, list[str]]:
    """Return marshmallow's messages as field -> list of texts, whatever they are nested in."""
    return {
        str(field): [str(text) for text in found] if isinstance(found, list) else [json.dumps(found)]
        for field, found in messages.items()
    }
