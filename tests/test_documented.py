"""The public document's own requests and samples, and the OpenAPI document beside it.

`documented.json` holds what EverShop's Customer REST API document says of each endpoint, copied exactly.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, REPOSITORY, Account, log_in, new_client
from tests.support.database import Db

DOCUMENTED = json.loads((REPOSITORY / "tests" / "documented.json").read_text())
IDS = [f"{entry['method']} {entry['url']}" for entry in DOCUMENTED]
DOCUMENTED_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

REQUESTS: dict[str, dict[str, Any]] = {
    "POST /api/customers": {"email": "john.smith@example.com", "password": PASSWORD, "full_name": "John Smith"},
    "PATCH /api/customers": {"full_name": "John A. Smith"},
    "POST /customer/login": {"email": "jane.doe@example.com", "password": PASSWORD},
}


def compare(documented: Any, answered: Any, where: str = "answer") -> None:
    """Assert that an answer has the sample's keys in the sample's order, its types, and its fixed strings."""
    assert type(documented) is type(answered), where
    if isinstance(documented, dict):
        assert list(documented) == list(answered), where
        for key, value in documented.items():
            compare(value, answered[key], f"{where}.{key}")
    elif isinstance(documented, list):
        assert len(documented) == len(answered), where
        for number, value in enumerate(documented):
            compare(value, answered[number], f"{where}[{number}]")
    elif isinstance(documented, str):
        # Fixed but for uuids, which are the row's own (and dashed), and times; free where they are a person's.
        if TIME.fullmatch(documented):
            assert TIME.fullmatch(answered), where
        elif DOCUMENTED_UUID.fullmatch(documented):
            assert re.fullmatch(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", answered), where
        elif where.rsplit(".", 1)[-1] not in ("email", "full_name"):
            assert DOCUMENTED_UUID.sub("uuid", answered) == DOCUMENTED_UUID.sub("uuid", documented), where


@pytest.mark.parametrize("entry", DOCUMENTED, ids=IDS)
def test_a_documented_request_gives_an_answer_like_the_documented_sample(
    app: Flask, admin: Account, make_customer: Callable[..., Account], db: Db, entry: dict[str, Any]
) -> None:
    jane = make_customer("jane.doe@example.com")
    if entry["url"] == "/api/customers" and entry["method"] == "GET":
        make_customer("john.smith@example.com")
    db.execute(
        "INSERT INTO customer_address"
        " (customer_id, full_name, telephone, address_1, address_2, city, province, country, postcode, is_default)"
        " SELECT customer_id, 'John A. Smith', '555-123-4567', '123 Main Street', 'Apt 4B', 'Springfield', 'IL', 'US',"
        " '62701', true FROM customer WHERE uuid = %s",
        jane.uuid,
    )
    template = DOCUMENTED_UUID.sub("", entry["url"]).rstrip("/")

    response = admin.client.open(
        DOCUMENTED_UUID.sub(jane.uuid, entry["url"]),
        method=entry["method"],
        json=REQUESTS.get(f"{entry['method']} {template}"),
    )

    assert response.status_code == (201 if entry["method"] == "POST" and template == "/api/customers" else 200)
    compare(entry["sample"], json.loads(response.data))


def resolved(document: dict[str, Any], value: Any) -> Any:
    """Return a part of the OpenAPI document with its references followed."""
    while isinstance(value, dict) and "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


@pytest.mark.parametrize("entry", [e for e in DOCUMENTED if "request" in e], ids=lambda e: f"{e['method']} {e['url']}")
def test_the_openapi_document_says_of_a_request_what_the_documented_schema_says(
    app: Flask, entry: dict[str, Any]
) -> None:
    document = app.extensions["openapi"]
    path = DOCUMENTED_UUID.sub("{uuid}", entry["url"])
    operation = document["paths"][path][entry["method"].lower()]

    ours = resolved(document, operation["requestBody"]["content"]["application/json"]["schema"])

    documented = entry["request"]
    assert ours["type"] == documented["type"] == "object"
    by_admins = [] if "login" in path else ["group_id"]  # CONTRACT section 9
    assert list(ours["properties"]) == [*documented["properties"], *by_admins]
    assert set(ours.get("required", [])) == set(documented.get("required", []))
    assert ours.get("additionalProperties") == documented.get("additionalProperties")
    for name, theirs in documented["properties"].items():
        for keyword in ("type", "format", "enum"):
            assert ours["properties"][name].get(keyword) == theirs.get(keyword), (name, keyword)


@pytest.mark.parametrize("entry", DOCUMENTED, ids=IDS)
def test_the_openapi_document_has_every_documented_property_of_the_answer(app: Flask, entry: dict[str, Any]) -> None:
    document = app.extensions["openapi"]
    operation = document["paths"][DOCUMENTED_UUID.sub("{uuid}", entry["url"])][entry["method"].lower()]
    success = next(operation["responses"][status] for status in ("200", "201") if status in operation["responses"])

    def check(sample: Any, schema: Any, where: str) -> None:
        schema = resolved(document, schema)
        if isinstance(sample, dict):
            assert list(schema["properties"]) == list(sample), where
            assert set(schema.get("required", [])) == set(sample), where
            for key, value in sample.items():
                check(value, schema["properties"][key], f"{where}.{key}")
        elif isinstance(sample, list):
            for item in sample:
                check(item, schema["items"], where)
        elif sample is not None:
            types = {bool: "boolean", int: "integer", str: "string"}
            assert types[type(sample)] in ([schema["type"]] if isinstance(schema["type"], str) else schema["type"]), (
                where
            )

    check(entry["sample"], success["content"]["application/json"]["schema"], "answer")


def test_the_openapi_document_is_whole(app: Flask) -> None:
    document = app.extensions["openapi"]
    text = json.dumps(document)

    assert document["openapi"] == "3.1.0"
    assert set(document["components"]["securitySchemes"]) == {"sessionHeader", "sessionCookie"}
    for reference in re.findall(r'"\$ref": "([^"]+)"', text):
        assert resolved(document, {"$ref": reference})
    operations = [op for item in document["paths"].values() for name, op in item.items() if name != "parameters"]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        assert operation["tags"]
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["example"]


def test_the_documents_examples_are_what_the_service_answers(app: Flask, customer: Account) -> None:
    """The examples of `/openapi.json` have the keys of real answers, in their order."""
    document = app.extensions["openapi"]
    real = customer.client.get(customer.path).get_json()
    example = document["paths"]["/api/customers/{uuid}"]["get"]["responses"]["200"]["content"]["application/json"]

    assert list(example["example"]["data"]) == list(real["data"])


@pytest.mark.parametrize("carrier", ["cookie", "header"])
def test_both_documented_ways_to_authenticate_work(app: Flask, customer: Account, carrier: str) -> None:
    client: CheckingClient = new_client(app, use_cookies=carrier == "cookie")
    sid = log_in(client, customer.email)

    response = client.get(customer.path, headers={"X-Session-ID": sid} if carrier == "header" else {})

    assert response.status_code == 200
