"""A test client that checks every answer it gets against what holds for all of them."""

import json
import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PRIVATE = re.compile(r"^/(api|customers?|admin|session)(/|$)")
BCRYPT = re.compile(r"\$2[abxy]?\$\d\d\$")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
# Of what is no page: a browser that is led to it shows nothing, runs nothing, and is led nowhere.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
TYPES = {bool: "boolean", int: "integer", str: "string", dict: "object", list: "array", type(None): "null"}
SECRET_KEYS = {"password", "current_password", "hash", "token", "digest", "secret"}


class CheckingClient(FlaskClient):
    """Asserts what holds of every answer (envelope, headers, no secret), and that `/openapi.json` documents it."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        sent = kwargs.pop("json", None)
        if sent is not None:
            # In ASCII: the application's own writer cannot encode the lone surrogates that some tests send.
            kwargs |= {"data": json.dumps(sent), "content_type": "application/json"}
        response = super().open(*args, **kwargs)
        check_headers(response)
        path = response.request.path
        if path.startswith("/docs") or path in ("/openapi.json", "/metrics"):
            return response
        check_secrets(response, sent or kwargs.get("data"))
        from tests.support.html import PAGES, check_page  # which stands on this module

        if response.mimetype != "application/json" and PAGES.fullmatch(path):
            check_page(response)
        else:
            check_body(response)
            check_documented(self, response)
        return response


def check_headers(response: TestResponse) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", response.headers["X-Request-ID"])
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert all(part in policy for part in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"))
    path = response.request.path
    assert response.mimetype != "application/json" or path.startswith("/admin-assets/") or policy == POLICY
    assert response.headers["Referrer-Policy"] == "same-origin"
    is_private = PRIVATE.match(path) is not None
    assert (response.headers.get("Cache-Control") == "no-store") == is_private


def check_body(response: TestResponse) -> None:
    if response.request.method in ("HEAD", "OPTIONS"):
        return
    if response.status_code in (204, 304):
        assert response.data == b""
        assert response.status_code == 204 or response.headers["ETag"]
        return
    assert response.mimetype == "application/json", response.text
    if response.status_code < 400:
        assert list(response.get_json()) in (["data"], ["data", "links", "meta"])
        return
    body = response.get_json()
    assert list(body) == ["error"]
    error = body["error"]
    assert set(error) - {"errors"} == {"status", "code", "message"}
    assert error["status"] == response.status_code
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error["code"])
    assert error["message"]
    if "errors" in error:
        assert error["status"] == 400
        assert all(isinstance(text, str) for texts in error["errors"].values() for text in texts)
    required = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
    if error["status"] in required:
        assert response.headers[required[error["status"]]]


def check_secrets(response: TestResponse, sent: Any) -> None:
    text = response.text
    assert not BCRYPT.search(text)
    assert not DIGEST.search(text)
    if response.status_code < 400 and response.status_code != 304:
        secret = SECRET_KEYS if response.request.path.endswith("/login") else {*SECRET_KEYS, "sid"}
        assert not secret & _keys(response.get_json(silent=True))
    password = sent.get("password") if isinstance(sent, dict) else None
    if isinstance(password, str) and len(password) >= 8:
        assert json.dumps(password)[1:-1] not in text


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def check_documented(client: FlaskClient, response: TestResponse) -> None:
    """Assert that the OpenAPI document describes this answer of this operation, an error's code included."""
    method = response.request.method.lower()
    document = client.application.extensions["openapi"]
    operation = operation_of(document, response.request.path, method)
    if operation is None:
        assert response.status_code in (404, 405, 413) or method in ("head", "options")
        return
    documented = operation["responses"].get(str(response.status_code))
    assert documented, f"{method} {response.request.path} does not document {response.status_code}: {response.text}"
    if response.status_code >= 400:
        code = response.get_json()["error"]["code"]
        assert f"`{code}`" in documented["description"], f"{code} is not documented"
    elif response.data:
        check_described(document, documented["content"]["application/json"]["schema"], response.get_json())


def operation_of(document: dict[str, Any], path: str, method: str) -> dict[str, Any] | None:
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\\{uuid\\}", "(?:me|[0-9A-Fa-f-]{32,36})", re.escape(template))
        pattern = re.sub(r"\\{[a-z]+_uuid\\}", "[0-9A-Fa-f-]{32,36}", pattern)
        if re.fullmatch(pattern, path):
            found: dict[str, Any] | None = operations.get(method)
            return found
    return None


def resolved(document: dict[str, Any], value: Any) -> Any:
    """Return a part of the OpenAPI document with its references followed."""
    while isinstance(value, dict) and "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def check_described(document: dict[str, Any], schema: Any, value: Any, where: str = "answer") -> None:
    """Assert that a schema describes an answer: its properties in their order, and their types."""
    schema = resolved(document, schema)
    if "anyOf" in schema:  # of an object that may be null
        schema = resolved(document, schema["anyOf"][0])
    types = schema.get("type", "any")
    assert types == "any" or TYPES[type(value)] in ([types] if isinstance(types, str) else types), where
    if isinstance(value, dict) and "properties" in schema:
        assert list(schema["properties"]) == list(value), where
        assert set(schema.get("required", [])) == set(value), where
        for key, item in value.items():
            check_described(document, schema["properties"][key], item, f"{where}.{key}")
    elif isinstance(value, list):
        for item in value:
            check_described(document, schema["items"], item, where)
