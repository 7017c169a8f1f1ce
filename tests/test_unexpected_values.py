"""Values at the edges of their types, and characters that look like others: each has a decided answer."""

from typing import Any

import pytest

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, new_client

NEW = {"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann"}
OF_INT, OF_BIGINT = 2**31, 2**63


@pytest.mark.parametrize("number", [OF_INT, OF_INT + 1, OF_BIGINT - 1, OF_BIGINT, 2**64, 10**12, 10**40, -1, 0])
@pytest.mark.parametrize("name", ["group_id", "page", "limit"])
def test_a_number_beyond_its_type_is_a_400_that_names_it(admin: Account, name: str, number: int) -> None:
    answer = admin.client.get(f"/api/customers?{name}={number}")

    assert answer.status_code == 400
    assert list(answer.get_json()["error"]["errors"]) == [name]


@pytest.mark.parametrize("text", ["1e3", "0x1", "1_0", "+1", " 1", "1 ", "१", "1.0", "１", "1\u200b"])
@pytest.mark.parametrize("name", ["group_id", "page", "limit"])
def test_a_number_is_in_plain_digits(admin: Account, name: str, text: str) -> None:
    answer = admin.client.get("/api/customers", query_string={name: text})

    assert answer.status_code == 400


def test_the_last_page_there_could_be_is_empty(admin: Account) -> None:
    answer = admin.client.get(f"/api/customers?page={OF_INT - 1}&limit=100&group_id={OF_INT - 1}")

    assert answer.status_code == 200
    assert answer.get_json()["data"] == []
    assert answer.get_json()["meta"]["current_page"] == OF_INT - 1


@pytest.mark.parametrize("name", ["created_from", "created_to"])
@pytest.mark.parametrize(
    "moment",
    ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59+23:59"],
)
def test_the_first_and_last_moments_of_the_calendar_are_taken(admin: Account, name: str, moment: str) -> None:
    assert admin.client.get("/api/customers", query_string={name: moment}).status_code == 200


@pytest.mark.parametrize("name", ["created_from", "created_to"])
@pytest.mark.parametrize(
    "moment",
    [
        "0000-01-01", "+10000-01-01", "10000-01-01", "-0001-01-01", "2026-02-30", "2026-13-01", "2026-01-01T24:00:01Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00+24:00", "infinity", "epoch",
        "now", "1e9", "1767225600", "２０２６-01-01", "2026-01-01T00:00:00Z\0", "2026-01-01T00:00:00\0",
    ],
)  # fmt: skip
def test_moments_beyond_the_calendar_are_a_400(admin: Account, name: str, moment: str) -> None:
    answer = admin.client.get("/api/customers", query_string={name: moment})

    assert answer.status_code == 400
    assert list(answer.get_json()["error"]["errors"]) == [name]


@pytest.mark.parametrize(
    "uuid",
    [
        "0", "1" * 31, "1" * 40, "１" * 32, "{00000000-0000-0000-0000-000000000001}", "urn:uuid:" + "0" * 32,
        "0" * 31 + "g", "0" * 32 + "%00", "%ff" * 32, "ME", "me ", "..%2fcustomers", "%2e%2e", ";x", "*",
    ],
)  # fmt: skip
def test_what_is_no_uuid_in_a_path_is_a_404(admin: Account, uuid: str) -> None:
    answer = admin.client.get(f"/api/customers/{uuid}")

    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "not_found"


NAMES = {
    "right-to-left": "שלום عليكم",
    "an override": "Ann \u202egpj.exe",
    "isolates": "\u2066Ann\u2069",
    "joiners": "می\u200cخواهم 👩\u200d👩\u200d👧",
    "a zero-width space": "A\u200bnn",
    "a soft hyphen": "A\u00adnn",
    "combining marks": "Z" + "\u0301" * 50,
    "decomposed": "Zoe\u0308",
    "controls": "A\x01\x1b[2J\x7fnn",
    "lines": "Ann\r\nBcc: eve@example.com",
    "line separators": "Ann\u2028Eve\u2029\x85Ann",
    "beyond the first plane": "𝔄𝔫𝔫",
    "private use": "\ue000\U0010fffd",
    "noncharacters": "\ufffe\uffff",
    "markup": "<script>alert(1)</script>&amp;",
    "a formula": "=1+1",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_kept_as_it_is(customer: Account, name: str) -> None:
    answer = customer.client.patch(customer.path, json={"full_name": name})

    assert answer.status_code == 200
    assert customer.client.get(customer.path).get_json()["data"]["full_name"] == name


@pytest.mark.parametrize("blank", ["", " ", "\t\r\n", "\u00a0\u2003\u3000", "\x1c\x1d\x1e\x1f\x85", "\u2028\u2029"])
def test_a_name_of_blanks_is_none(customer: Account, blank: str) -> None:
    assert customer.client.patch(customer.path, json={"full_name": blank}).status_code == 400


EMAILS = {
    "a header": "ann@example.com\r\nBcc: eve@example.com",
    "a line": "ann@example.com\nRCPT TO:<eve@example.com>",
    "two": "ann@example.com,eve@example.com",
    "a name": "Ann <ann@example.com>",
    "a route": "@eve.example:ann@example.com",
    "a comment": "ann(eve)@example.com",
    "a quoted part": '"ann eve"@example.com',
    "NUL": "ann\0@example.com",
    "DEL": "ann\x7f@example.com",
    "a cyrillic a": "аnn@example.com",
    "a cyrillic domain": "ann@exаmple.com",
    "full width": "ann＠example.com",
    "a dotless i": "ıan@example.com",
    "a Kelvin sign": "\u212aai@example.com",
    "a ligature": "oﬃce@example.com",
    "a zero-width space": "ann\u200b@example.com",
    "an override": "ann\u202e@example.com",
    "an ideographic dot": "ann@example。com",
    "no domain": "ann@",
    "a quoted dot": '"ann.eve"@example.com',
    "an address literal": "ann@[127.0.0.1]",
    "two ats": "ann@eve@example.com",
    "a long label": f"ann@{'a' * 64}.com",
    "too long": f"{'a' * 64}@{'a' * 63}.{'b' * 63}.{'c' * 63}.com",
}  # fmt: skip


@pytest.mark.parametrize("email", EMAILS.values(), ids=EMAILS.keys())
def test_an_address_that_could_be_taken_for_another_or_for_more_is_a_400(client: CheckingClient, email: str) -> None:
    for path, body in (
        ("/api/customers", {**NEW, "email": email}),
        ("/api/customers/reset-password", {"email": email}),
    ):
        answer = client.post(path, json=body)

        assert answer.status_code == 400
        assert list(answer.get_json()["error"]["errors"]) == ["email"]


def test_an_international_domain_is_its_punycode_and_no_other_address(client: CheckingClient) -> None:
    for email in ("ann@example.com", "ann@xn--exmple-4nf.com", "ann@xn--e1afmkfd.example"):
        assert client.post("/api/customers", json={**NEW, "email": email}).status_code == 201


@pytest.mark.parametrize(
    "cookie", ["customers=", "customers=a.b.c", "customers=" + "x" * 4000, ";;;=;", "customers=\xff"]
)
def test_a_cookie_of_garbage_is_no_session_and_no_fault(customer: Account, app: Any, cookie: str) -> None:
    answer = new_client(app).get("/api/customers/me", headers={"Cookie": cookie})

    assert answer.status_code == 401


def test_a_thousand_cookies_are_no_fault(app: Any) -> None:
    cookies = "; ".join(f"c{number}={number}" for number in range(1000))

    assert new_client(app).get("/api/customers/me", headers={"Cookie": cookies}).status_code == 401
