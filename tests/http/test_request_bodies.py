"""What a body may be, beside its fields: each has a decided answer, also what nobody expects."""

import json
from io import BytesIO
from typing import Any

from werkzeug.test import TestResponse

from tests.conftest import Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import CUSTOMERS, NEW
from tests.support.client import CheckingClient
from tests.support.database import Db

TEXT = json.dumps(NEW)


def post(
    client: CheckingClient, body: str | bytes, media: str | None = "application/json", **more: Any
) -> TestResponse:
    return client.post(CUSTOMERS, data=body, content_type=media, **more)


def with_raw(name: str, value: str) -> str:
    """Return a good registration with one property more, whose value is written out."""
    return f'{TEXT[:-1]}, "{name}": {value}}}'


CHARSET = "application/json; charset="
WRONG_MEDIA = ["text/plain", "multipart/form-data", "json", "", None, f"{CHARSET}utf-16", f"{CHARSET}nonsense"]
MEDIA = ["APPLICATION/JSON", "application/vnd.shop+json", "application/json; a=b", "application/json;",
         *(f"{CHARSET}{each}" for each in ("utf-8", '"UTF-8"', "Utf-8", "utf8", "utf_8", "u8"))]  # fmt: skip


def test_a_wrong_media_type_is_a_415_and_utf_8_by_any_spelling_is_taken(
    client: CheckingClient, customer: Account
) -> None:
    for wrong in WRONG_MEDIA:
        refused(post(client, TEXT, wrong), 415, "unsupported_media_type")
    refused(post(client, TEXT, headers={"Content-Encoding": "gzip"}), 415, "unsupported_media_type")
    data_of(post(client, TEXT, headers={"Content-Encoding": "identity"}), 201)
    for media in MEDIA:
        refused(post(client, TEXT, media), 409, "email_taken")
    for unneeded in (None, "text/plain"):  # where no body is needed, no media type is
        data_of(customer.client.post("/admin/user/logout", data=b"junk", content_type=unneeded))
    data_of(customer.client.delete(customer.path, content_type="text/plain"))


MALFORMED: list[str | bytes] = [
    "", "{", '{"a": NaN}', '{"a": -Infinity}', "{} {}", "[" * 100_000, '{"a":' * 50_000, '{"a": "\x00"}',
    # not an object
    "[]", "null", "1", '"x"',
    # not UTF-8
    *(TEXT.encode(each) for each in ("utf-8-sig", "utf-16", "utf-32")),
    *(TEXT.encode().replace(b"Ann", raw) for raw in (b"\xc0\xaf", b"\xed\xa0\x80")),
    # a name twice in an object
    with_raw("\\u0065mail", '"eve@example.com"'), with_raw("unknown", '[{"a": 1, "a": 1}]'),
    # a number longer than Python reads, and too deep
    with_raw("unknown", "-" + "9" * 4301), with_raw("unknown", '{"a":' * 150_000 + "1" + "}" * 150_000),
]  # fmt: skip
IGNORED = [
    r'"\ud83d\ude00"', "null", "-1e400", "1e-400", "0." + "0" * 4000 + "1", "9" * 4300, "[" * 100 + "]" * 100,
    "[" * 450 + "]" * 450,
    json.dumps({f"a{number}": 0 for number in range(60_000)}),
]  # fmt: skip


def test_a_body_that_is_not_a_json_object_in_utf_8_is_a_400_and_creates_nothing(client: CheckingClient, db: Db) -> None:
    for body in MALFORMED:
        refused(post(client, body), 400, "malformed_json")
    assert db.one("SELECT count(*) FROM customer") == {"count": 0}
    for number, value in enumerate(IGNORED):
        data_of(post(client, with_raw("unknown", value).replace("ann@", f"ann{number}@")), 201)


def test_nul_and_lone_surrogates_are_a_400_in_any_string(client: CheckingClient) -> None:
    for bad in ("\0", "a\ud800b", "\udc00", ["\0"], {"x": ["y\ude00"]}, {"\0": 1}):
        invalid(client.post(CUSTOMERS, json={**NEW, "unknown": bad}), "unknown")
    invalid(client.post(CUSTOMERS, json={**NEW, "a\0b": 1}), "a\0b")


def test_a_body_of_1_mib_is_read_and_one_over_it_is_a_413(client: CheckingClient) -> None:
    for path in (CUSTOMERS, "/customers/logout", "/healthz", "/nowhere"):
        refused(client.post(path, data=b" " * (2**20 + 1), content_type="application/json"), 413, "body_too_large")
    for over, status, again in ((1, 413, 413), (0, 201, 409)):
        text = with_raw("unknown", '""')
        body = text.replace('""', f'"{"x" * (2**20 - len(text) + over)}"').encode()
        chunks = {"wsgi.input_terminated": True, "wsgi.input": BytesIO(body)}
        assert post(client, body).status_code == status
        by_chunks = post(client, b"", headers={"Transfer-Encoding": "chunked"}, environ_overrides=chunks)
        assert by_chunks.status_code == again
