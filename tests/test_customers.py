"""Creating, reading, updating and deleting customers (CONTRACT sections 3 and 4)."""

import re
from typing import Any

import pytest

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, log_in
from tests.support.database import Db

NEW = {"email": "Ann@Example.com", "password": PASSWORD, "full_name": "Ann"}


def test_create_answers_201_with_location_the_documented_fields_in_order_and_links(client: CheckingClient) -> None:
    response = client.post("/api/customers", json=NEW)

    data = response.get_json()["data"]
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api/customers/{data['uuid']}"
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", data["uuid"])
    assert data["status"] == data["group_id"] == 1
    assert data["links"][1]["href"] == f"/admin/customers/edit/{data['uuid']}"


def test_times_are_utc_to_the_second(client: CheckingClient, db: Db) -> None:
    uuid = client.post("/api/customers", json=NEW).get_json()["data"]["uuid"]
    db.execute("UPDATE customer SET created_at = '2026-01-31 23:30:00.9-05'")
    log_in(client, NEW["email"])

    data = client.get(f"/api/customers/{uuid}").get_json()["data"]

    assert data["created_at"] == "2026-02-01 04:30:00"


@pytest.mark.parametrize(("status", "stored"), [("0", 0), ("1", 1), (0, 0), (1, 1)])
def test_status_is_taken_as_text_or_number_and_answered_as_a_number(
    client: CheckingClient, status: object, stored: int
) -> None:
    response = client.post("/api/customers", json={**NEW, "status": status})

    assert response.get_json()["data"]["status"] == stored
    assert type(response.get_json()["data"]["status"]) is int


def test_what_a_body_cannot_set_is_ignored(client: CheckingClient, customer: Account, db: Db) -> None:
    forbidden: dict[str, Any] = {
        "customer_id": 4711,
        "uuid": "00000000-0000-0000-0000-000000000001",
        "group_id": 99,
        "created_at": "2000-01-01 00:00:00",
        "updated_at": "2000-01-01 00:00:00",
        "links": [],
        "anything": {"else": 1},
    }

    created = client.post("/api/customers", json={**NEW, **forbidden}).get_json()["data"]
    updated = customer.client.patch(customer.path, json={"full_name": "X", **forbidden}).get_json()["data"]

    for data in (created, updated):
        assert data["customer_id"] != 4711
        assert data["uuid"] != forbidden["uuid"]
        assert data["group_id"] == 1
        assert data["created_at"] > "2020"
        assert data["updated_at"] > "2020"
    assert db.one("SELECT count(*) FROM customer WHERE created_at < '2020-01-01'")["count"] == 0


def test_email_is_trimmed_kept_as_typed_and_unique_whatever_its_case(client: CheckingClient) -> None:
    first = client.post("/api/customers", json={**NEW, "email": "  Ann.Of@Example.COM "})
    again = client.post("/api/customers", json={**NEW, "email": "aNN.oF@example.com"})

    assert first.get_json()["data"]["email"] == "Ann.Of@Example.COM"
    assert again.status_code == 409
    assert again.get_json()["error"]["code"] == "email_taken"


@pytest.mark.parametrize("wildcard", ["a%@example.com", "a_n@example.com"])
def test_email_is_never_compared_as_a_pattern(client: CheckingClient, wildcard: str) -> None:
    client.post("/api/customers", json={**NEW, "email": "ann@example.com"})

    created = client.post("/api/customers", json={**NEW, "email": wildcard})
    refused = client.post("/customer/login", json={"email": wildcard, "password": "another password"})

    assert created.status_code == 201
    assert refused.status_code == 401


def test_full_name_is_trimmed(client: CheckingClient) -> None:
    response = client.post("/api/customers", json={**NEW, "full_name": "  Ann  Of \n"})

    assert response.get_json()["data"]["full_name"] == "Ann  Of"


def test_a_password_is_never_trimmed(client: CheckingClient) -> None:
    client.post("/api/customers", json={**NEW, "password": "  spaces around  "})

    wrong = client.post("/customer/login", json={"email": NEW["email"], "password": "spaces around"})

    assert wrong.status_code == 401
    log_in(client, NEW["email"], "  spaces around  ")


GOOD = {
    "email": ["a@b.co", "x" * 64 + "@" + "y" * 63 + "." + "z" * 63 + "." + "w" * 57 + ".org", "o'neil+tag@x-y.example"],
    "full_name": [
        "x",
        "x" * 255,
        " " + "x" * 255 + " ",
        "Zoë 😀",
        "<script>alert(1)</script>",
        "'; DROP TABLE customer",
    ],
    "password": ["8 chars!", "ü" * 36, "x" * 71 + "!", "pässwörd ünüsual"],
}
BAD: dict[str, list[Any]] = {
    "email": ["", " ", "a", "a@", "@b.co", "a b@c.de", "a@b.co\n@c.de", "ü@b.co", "a@ü.de", "a" * 250 + "@b.co",
              "a\u0000@b.co", "a\ud800@b.co", None, 1, [], {}, True],
    "full_name": ["", "  ", "x" * 256, "a\u0000b", "a\udfffb", None, 7, ["x"], {"x": 1}, False],
    "password": ["", "7 chars", "ü" * 37, "x" * 73, "password1", "PassWord1", "1234567890", "with\u0000null",
                 "with\ud83dhalf", None, 12345678, [], {}],
    "status": ["2", 2, -1, True, False, 1.0, 0.0, None, "", " 1", "01", "true", [], [1], {}],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in GOOD.items() for value in values])
def test_good_input_is_taken(client: CheckingClient, field: str, value: str) -> None:
    response = client.post("/api/customers", json={**NEW, field: value})

    assert response.status_code == 201, response.text


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_bad_input_is_a_400_that_names_the_field(
    client: CheckingClient, customer: Account, admin: Account, field: str, value: object
) -> None:
    created = client.post("/api/customers", json={**NEW, field: value})
    updated = admin.client.patch(customer.path, json={field: value})

    for response in (created, updated):
        assert response.status_code == 400
        assert response.get_json()["error"]["code"] == "invalid_input"
        assert list(response.get_json()["error"]["errors"]) == [field]


@pytest.mark.parametrize("field", ["email", "password", "full_name"])
def test_a_missing_field_is_a_400_that_names_it(client: CheckingClient, field: str) -> None:
    response = client.post("/api/customers", json={name: value for name, value in NEW.items() if name != field})

    assert list(response.get_json()["error"]["errors"]) == [field]


def test_all_faults_are_told_at_once(client: CheckingClient) -> None:
    response = client.post("/api/customers", json={"email": "x", "password": "short", "full_name": "", "status": 9})

    assert set(response.get_json()["error"]["errors"]) == {"email", "password", "full_name", "status"}


def test_get_adds_the_addresses_default_first_then_oldest_first(customer: Account, db: Db) -> None:
    for name, default in (("first", None), ("second", True), ("third", False)):
        db.execute(
            "INSERT INTO customer_address (customer_id, full_name, country, is_default)"
            " SELECT customer_id, %s, 'US', %s FROM customer",
            name,
            default,
        )

    addresses = customer.client.get(customer.path).get_json()["data"]["addresses"]

    assert [(a["full_name"], a["is_default"]) for a in addresses] == [
        ("second", True),
        ("first", False),
        ("third", False),
    ]


def test_get_shows_no_other_customers_addresses(customer: Account, make_customer: Any, db: Db) -> None:
    other = make_customer()
    db.execute(
        "INSERT INTO customer_address (customer_id, country) SELECT customer_id, 'US' FROM customer WHERE uuid = %s",
        other.uuid,
    )

    assert customer.client.get(customer.path).get_json()["data"]["addresses"] == []


@pytest.mark.parametrize("form", [str.upper, lambda uuid: uuid.replace("-", ""), str])
def test_a_uuid_in_a_path_is_taken_in_any_form(customer: Account, form: Any) -> None:
    response = customer.client.get(f"/api/customers/{form(customer.uuid)}")

    assert response.get_json()["data"]["uuid"] == customer.uuid


@pytest.mark.parametrize("junk", ["1", "x" * 32, "{uuid}x", "{uuid}/", "%00", "urn:uuid:{uuid}", "{braced}", "00-"])
def test_anything_else_in_its_place_is_a_404(customer: Account, junk: str) -> None:
    path = junk.replace("{uuid}", customer.uuid).replace("{braced}", "{" + customer.uuid + "}")

    for method in ("GET", "PATCH", "DELETE"):
        assert customer.client.open(f"/api/customers/{path}", method=method).status_code == 404


def test_update_changes_what_it_names_and_nothing_else(customer: Account, db: Db) -> None:
    db.execute("UPDATE customer SET updated_at = '2020-01-01', created_at = '2020-01-01'")

    data = customer.client.patch(customer.path, json={"full_name": "Zoë"}).get_json()["data"]

    assert data["full_name"] == "Zoë"
    assert data["email"] == customer.email
    assert data["created_at"] == "2020-01-01 00:00:00"
    assert data["updated_at"] > "2026"
    assert [link["rel"] for link in data["links"]] == ["customerGrid", "edit"]


@pytest.mark.parametrize("body", [{}, {"unknown": 1}, {"customer_id": 1, "links": []}])
def test_an_empty_patch_is_a_400(customer: Account, body: dict[str, Any]) -> None:
    response = customer.client.patch(customer.path, json=body)

    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "nothing_to_update")


def test_an_address_that_another_account_has_is_a_409(customer: Account, make_customer: Any) -> None:
    make_customer("taken@example.com")

    response = customer.client.patch(customer.path, json={"email": "TAKEN@example.com"})

    assert (response.status_code, response.get_json()["error"]["code"]) == (409, "email_taken")


def test_ones_own_address_may_change_its_case(customer: Account) -> None:
    response = customer.client.patch(customer.path, json={"email": customer.email.upper()})

    assert response.get_json()["data"]["email"] == customer.email.upper()


def test_delete_answers_the_customer_as_it_was_and_takes_all_that_belongs_to_it(customer: Account, db: Db) -> None:
    before = customer.client.get(customer.path).get_json()["data"]
    db.execute("INSERT INTO customer_address (customer_id, country) SELECT customer_id, 'US' FROM customer")
    db.execute("INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, 'x' FROM customer")

    response = customer.client.delete(customer.path)

    del before["addresses"]
    assert response.get_json()["data"] == before
    for table in ("customer", "customer_address", "login_session", "reset_password_token"):
        assert db.one(f"SELECT count(*) FROM {table}")["count"] == 0


def test_a_deleted_address_can_register_again(customer: Account, client: CheckingClient) -> None:
    customer.client.delete(customer.path)
    assert client.post("/api/customers", json={**NEW, "email": customer.email}).status_code == 201
