"""What a request may be (CONTRACT section 3), beside the fields."""

import json
from typing import Any

import pytest

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account

NEW = {"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann"}


def refused(client: CheckingClient, data: bytes | str, media: str | None = "application/json") -> tuple[int, str]:
    response = client.post("/api/customers", data=data, content_type=media)
    return response.status_code, response.get_json()["error"]["code"]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", "json", "", None]
)
def test_a_wrong_media_type_is_a_415(client: CheckingClient, media: str | None) -> None:
    assert refused(client, json.dumps(NEW), media) == (415, "unsupported_media_type")


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.shop+json"])
def test_json_by_any_of_its_names_is_taken(client: CheckingClient, media: str) -> None:
    assert client.post("/api/customers", data=json.dumps(NEW), content_type=media).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"{'a': 1}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1,}',
        b'\xff\xfe{}', b'{"a": "\xff"}', b'\xef\xbb\xbf{}', '{"a": 1}'.encode("utf-16"), b'{"a": "\x00"}',
        b"[" * 100_000, b'{"a":' * 50_000, b'{"a": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_is_a_400(client: CheckingClient, body: bytes) -> None:
    assert refused(client, body) == (400, "malformed_json")


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', "true", "[{}]"])
def test_json_that_is_no_object_is_a_400(client: CheckingClient, body: str) -> None:
    assert refused(client, body) == (400, "malformed_json")


@pytest.mark.parametrize("name", ["unknown", "meta"])
@pytest.mark.parametrize("bad", ["\0", "a\ud800b", "\udc00", ["\0"], {"x": ["y\ude00"]}, {"\0": 1}])
def test_nul_and_lone_surrogates_are_a_400_in_any_string(client: CheckingClient, name: str, bad: Any) -> None:
    response = client.post("/api/customers", json={**NEW, name: bad})

    assert response.status_code == 400
    assert list(response.get_json()["error"]["errors"]) == [name]


def test_they_are_in_a_name_too(client: CheckingClient) -> None:
    assert client.post("/api/customers", json={**NEW, "a\0b": 1}).status_code == 400
    assert client.post("/api/customers", json={**NEW, "a\ud800b": 1}).status_code == 400


def test_a_backslash_before_what_looks_like_an_escape_is_just_text(client: CheckingClient) -> None:
    response = client.post("/api/customers", json={**NEW, "full_name": "\\u0000 \\ud800"})

    assert response.status_code == 201
    assert response.get_json()["data"]["full_name"] == "\\u0000 \\ud800"


def test_surrogate_pairs_are_characters(client: CheckingClient) -> None:
    response = client.post(
        "/api/customers", data=json.dumps({**NEW, "full_name": "😀"}), content_type="application/json"
    )

    assert response.get_json()["data"]["full_name"] == "😀"


@pytest.mark.parametrize("path", ["/api/customers", "/customer/login", "/customers/logout", "/healthz", "/nowhere"])
def test_a_body_over_1_mib_is_a_413(client: CheckingClient, path: str) -> None:
    response = client.post(path, data=b" " * (2**20 + 1), content_type="application/json")

    assert (response.status_code, response.get_json()["error"]["code"]) == (413, "body_too_large")


def test_a_body_of_1_mib_is_read(client: CheckingClient) -> None:
    body = json.dumps({**NEW, "unknown": ""})
    padded = body.replace('"unknown": ""', '"unknown": "' + "x" * (2**20 - len(body)) + '"')

    assert client.post("/api/customers", data=padded, content_type="application/json").status_code == 201


def test_a_body_sent_in_chunks_is_measured_as_it_is_read(client: CheckingClient) -> None:
    from io import BytesIO

    response = client.post(
        "/api/customers",
        input_stream=BytesIO(b" " * (2**20 + 1)),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert response.status_code == 413


@pytest.mark.parametrize("media", [None, "text/plain", "application/json"])
def test_a_request_that_needs_no_body_needs_no_media_type(client: CheckingClient, media: str | None) -> None:
    assert client.post("/customers/logout", content_type=media).status_code == 200
    assert client.post("/admin/user/logout", data=b"junk", content_type=media).status_code == 200


def test_who_may_not_call_is_told_so_before_the_body_is_looked_at(
    client: CheckingClient, customer: Account, make_customer: Any
) -> None:
    other = make_customer()

    assert client.patch(customer.path, data=b"junk").status_code == 401
    assert customer.client.patch(other.path, data=b"junk").status_code == 403
