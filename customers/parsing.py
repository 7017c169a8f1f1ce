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
    """Return the body as it was sent. Raises BodyTooLarge, and MalformedJson for one in malformed chunks."""
    try:
        data = req.get_data()
    except ParseException:
        raise errors.MalformedJson() from None
    # The limit is a byte more than is taken (app.py): what reaches it was longer, and has been cut off there.
    if req.max_content_length is not None and len(data) >= req.max_content_length:
        raise errors.BodyTooLarge()
    return data


class Parser(FlaskParser):
    """Reads JSON bodies strictly, and refuses with errors of the family."""

    DEFAULT_VALIDATION_STATUS = 400
    # The schemas say themselves what becomes of unknown names; webargs would drop them from query strings.
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": None}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the body as a JSON object. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson, InvalidInput."""
        if not core.is_json(req.mimetype):
            raise errors.UnsupportedMediaType()
        data = read_body(req)
        try:
            body = json.loads(data.decode(), parse_constant=refuse_constant)
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
