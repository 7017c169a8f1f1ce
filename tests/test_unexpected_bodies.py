"""Bodies that nobody expects: each has a decided answer."""

import json
from typing import Any

import pytest

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account
from tests.support.database import Db

NEW = {"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann"}


def post(client: CheckingClient, body: str | bytes, **kwargs: Any) -> tuple[int, str | None]:
    """Send a registration; return the status, and the code of an error."""
    answer = client.post("/api/customers", data=body, **{"content_type": "application/json", **kwargs})
    return answer.status_code, (answer.get_json().get("error") or {}).get("code")


def with_raw(name: str, value: str) -> str:
    """Return a good registration with one property more, whose value is written out."""
    return f'{json.dumps(NEW)[:-1]}, "{name}": {value}}}'


@pytest.mark.parametrize(
    "body",
    [
        with_raw("email", '"eve@example.com"'),
        with_raw("email", '"ann@example.com"'),
        with_raw("\\u0065mail", '"eve@example.com"'),
        with_raw("unknown", '{"a": 1, "a": 1}'),
        with_raw("unknown", '[{"": null, "": null}]'),
    ],
)
def test_a_name_that_comes_twice_in_an_object_is_a_400(client: CheckingClient, db: Db, body: str) -> None:
    assert post(client, body) == (400, "malformed_json")
    assert db.one("SELECT count(*) FROM customer")["count"] == 0


def test_names_that_differ_are_different_names(client: CheckingClient) -> None:
    assert post(client, with_raw("Email", '"eve@example.com"'))[0] == 201


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e-400", "-0", "0." + "0" * 4000 + "1", "9" * 4300, "1E+2", "123456789012345678901"]
)
def test_numbers_that_json_knows_are_ignored_where_they_are_unknown(client: CheckingClient, number: str) -> None:
    assert post(client, with_raw("unknown", number))[0] == 201


@pytest.mark.parametrize("number", ["9" * 4301, "-" + "9" * 5000, "01", "+1", ".5", "1.", "0x10", "1_000", "१"])
def test_numbers_longer_than_python_reads_or_that_json_does_not_know_are_a_400(
    client: CheckingClient, number: str
) -> None:
    assert post(client, with_raw("unknown", number)) == (400, "malformed_json")


@pytest.mark.parametrize(("number", "status"), [("1e400", 400), ("1e0", 400), ("-0", 201), ("-0.0", 400), ("-1", 400)])
def test_minus_zero_is_zero_and_no_other_spelling_is_a_status(client: CheckingClient, number: str, status: int) -> None:
    assert post(client, with_raw("status", number))[0] == status


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [10_000, 150_000])
def test_deep_nesting_is_a_400(client: CheckingClient, opening: str, depth: int) -> None:
    closing = {"[": "]"}.get(opening, "}")

    assert post(client, with_raw("unknown", opening * depth + "1" + closing * depth)) == (400, "malformed_json")
    assert post(client, with_raw("unknown", opening * depth)) == (400, "malformed_json")


def test_nesting_that_is_not_deep_is_ignored(client: CheckingClient) -> None:
    assert post(client, with_raw("unknown", "[" * 100 + "]" * 100))[0] == 201


def test_sixty_thousand_names_are_ignored(client: CheckingClient) -> None:
    many = json.dumps({f"a{number}": 0 for number in range(60_000)})

    assert post(client, with_raw("unknown", many))[0] == 201


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "iso-8859-1", "utf-7", "ascii", "nonsense"])
def test_json_in_another_charset_is_a_415_even_where_its_bytes_would_do(client: CheckingClient, charset: str) -> None:
    media = f"application/json; charset={charset}"

    assert post(client, json.dumps(NEW), content_type=media) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media",
    [
        'application/json; charset="UTF-8"',
        "application/json;charset=Utf-8",
        "application/json; a=b",
        "application/json;",
    ],
)
def test_other_parameters_of_the_media_type_are_ignored(client: CheckingClient, media: str) -> None:
    assert post(client, json.dumps(NEW), content_type=media)[0] == 201


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp500"])
def test_json_that_is_not_utf_8_is_a_400(client: CheckingClient, encoding: str) -> None:
    body = json.dumps({**NEW, "full_name": "Zoë +"}, ensure_ascii=False).encode(encoding)

    assert post(client, body) == (400, "malformed_json")


@pytest.mark.parametrize("raw", [b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80"])
def test_bytes_that_no_utf_8_has_are_a_400(client: CheckingClient, raw: bytes) -> None:
    body = json.dumps({**NEW, "full_name": "?"}).encode().replace(b"?", raw)

    assert post(client, body) == (400, "malformed_json")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity", "x"])
def test_a_coded_body_is_a_415(client: CheckingClient, coding: str) -> None:
    answer = post(client, json.dumps(NEW), headers={"Content-Encoding": coding})

    assert answer == (415, "unsupported_media_type")
    assert post(client, json.dumps(NEW), headers={"Content-Encoding": "identity"})[0] == 201


@pytest.mark.parametrize("name", ["__proto__", "constructor", "__class__", "$where", "a.b", "a[b]", "", "data"])
def test_names_that_mean_something_elsewhere_mean_nothing_here(customer: Account, name: str) -> None:
    body = {name: {"full_name": "Eve"}, "city": "x"}

    answer = customer.client.patch(customer.path, json=body)

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "nothing_to_update")


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
def test_the_method_is_that_of_the_request_line(admin: Account, customer: Account, header: str) -> None:
    answer = admin.client.post(f"{customer.path}?_method=DELETE", json={}, headers={header: "DELETE"})

    assert answer.status_code == 405
    assert customer.client.get(customer.path).status_code == 200
