"""The public document's own requests and samples, and the OpenAPI document beside it.

`documented.json` holds what EverShop's Customer REST API document says of each endpoint, copied exactly.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account
from tests.http.test_access import ROUTES
from tests.support.builders import address_of
from tests.support.client import resolved

DOCUMENTED = json.loads(Path(__file__).with_name("documented.json").read_text())
IDS = [f"{entry['method']} {entry['url']}" for entry in DOCUMENTED]
DOCUMENTED_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

REQUESTS: dict[str, dict[str, Any]] = {
    "POST /api/customers": {"email": "john.smith@example.com", "password": PASSWORD, "full_name": "John Smith"},
    "PATCH /api/customers/{uuid}": {"full_name": "John A. Smith"},
    "POST /customer/login": {"email": "jane.doe@example.com", "password": PASSWORD},
}
ADDRESS = next(one["sample"]["data"]["addresses"][0] for one in DOCUMENTED if "addresses" in one["sample"]["data"])


def shape(answer: Any, uuid: re.Pattern[str]) -> str:
    """Return an answer as text in which numbers, times, uuids and what is a person's own stand for any other."""
    text = re.sub(r'"(email|full_name)": "[^"]*"', r"\1", uuid.sub("uuid", json.dumps(answer)))
    return re.sub(r"(?<=: )\d+", "0", TIME.sub("time", text))


@pytest.mark.parametrize("entry", DOCUMENTED, ids=IDS)
def test_a_documented_request_gives_an_answer_like_the_documented_sample(
    admin: Account, make_customer: Callable[..., Account], entry: dict[str, Any]
) -> None:
    jane = make_customer("jane.doe@example.com")
    if entry["url"] == "/api/customers" and entry["method"] == "GET":
        make_customer("john.smith@example.com")
    address_of(jane, **ADDRESS)
    method, template = entry["method"], DOCUMENTED_UUID.sub("{uuid}", entry["url"])

    path = template.replace("{uuid}", jane.uuid)
    response = admin.client.open(path, method=method, json=REQUESTS.get(f"{method} {template}"))

    assert response.status_code == (201 if (method, template) == ("POST", "/api/customers") else 200)
    assert shape(response.get_json(), UUID) == shape(entry["sample"], DOCUMENTED_UUID)


def test_the_openapi_document_says_of_a_request_what_the_documented_schema_says(app: Flask) -> None:
    document = app.extensions["openapi"]

    for entry in (entry for entry in DOCUMENTED if "request" in entry):
        path = DOCUMENTED_UUID.sub("{uuid}", entry["url"])
        body = document["paths"][path][entry["method"].lower()]["requestBody"]
        ours, documented = resolved(document, body["content"]["application/json"]["schema"]), entry["request"]
        assert ours["type"] == documented["type"] == "object"
        by_admins = [] if "login" in path else ["group_id"]
        assert list(ours["properties"]) == [*documented["properties"], *by_admins]
        assert set(ours.get("required", [])) == set(documented.get("required", []))
        assert ours.get("additionalProperties") == documented.get("additionalProperties")
        for name, theirs in documented["properties"].items():
            for keyword in ("type", "format", "enum"):
                assert said(ours["properties"][name], keyword) == said(theirs, keyword), (name, keyword)


def said(schema: dict[str, Any], keyword: str) -> set[Any]:
    """Return what a keyword says in all alternatives of a schema; a constant is an enumeration of one."""
    found: set[Any] = set()
    for each in schema.get("anyOf", [schema]):
        value = [each["const"]] if keyword == "enum" and "const" in each else each.get(keyword, [])
        found |= {value} if isinstance(value, str) else set(value)
    return found


SCHEMES: list[dict[str, list[str]]] = [{"sessionHeader": []}, {"sessionCookie": []}]


def test_the_document_names_every_way_in_which_a_caller_may_be_signed_in_for_logouts_too(app: Flask) -> None:
    """A generated client sends the session only where the document says so: its logout ended nothing."""
    document = app.extensions["openapi"]
    paths, ids = document["paths"], set()

    for route, (access, _, _) in ROUTES.items():
        method, rule = route.split()
        path = re.sub("<[a-z]+:([a-z_]+)>", r"{\1}", rule)
        if path in ("/openapi.json", "/docs", "/metrics"):
            assert path not in paths  # not part of the API
        else:
            operation = paths[path][method.lower()]
            optional = [{}, *SCHEMES] if access == "anyone" or path.endswith("/logout") else []
            assert operation["security"] == (optional if access in ("anyone", "public") else SCHEMES), route
            assert operation["responses"].keys() >= {"413", "500"}, route
            assert operation["operationId"] not in ids
            ids.add(operation["operationId"])
    assert set(document["components"]["securitySchemes"]) == {"sessionHeader", "sessionCookie"}
    assert document["openapi"] == "3.1.0"
