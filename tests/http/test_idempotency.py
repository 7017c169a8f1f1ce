"""Safe retries with Idempotency-Key."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import CUSTOMERS, GROUPS, ME, NEW
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once

KEY = {"Idempotency-Key": "a-key-of-the-caller"}
# What a POST creates -> who, where, the body, another body, and the table.
CREATED: dict[str, tuple[str, str, dict[str, str], dict[str, str], str]] = {
    "an address": ("customer", f"{ME}/addresses", ADDRESS, {**ADDRESS, "city": "X"}, "customer_address"),
    "a customer": ("admin", CUSTOMERS, NEW, {**NEW, "full_name": "Bob"}, "customer"),
    "a registration": ("customer", CUSTOMERS, NEW, {**NEW, "full_name": "Bob"}, "customer"),
    "a group": ("admin", GROUPS, {"group_name": "New"}, {"group_name": "Newer"}, "customer_group"),
}


def post(account: Account, body: dict[str, str] = ADDRESS, key: dict[str, str] = KEY) -> TestResponse:
    return account.client.post(f"{ME}/addresses", json=body, headers=key)


def count(db: Db, table: str) -> int:
    return len(db.all(f"SELECT FROM {table}"))


def test_the_same_request_again_gets_the_first_result_and_creates_nothing(accounts: dict[str, Account], db: Db) -> None:
    for what, (who, path, body, other, table) in CREATED.items():
        client, key = accounts[who].client, {"Idempotency-Key": what}
        before = count(db, table)

        first = client.post(path, json=body, headers=key)

        created = data_of(first, 201)
        assert "Idempotent-Replayed" not in first.headers
        for response in [client.post(path, json=body, headers=key) for _ in range(2)]:
            assert data_of(response, 201) == created
            assert response.headers["Location"] == first.headers["Location"]
            assert response.headers.get("ETag") == first.headers.get("ETag")
            assert response.headers["Idempotent-Replayed"] == "true"
        refused(client.post(path, json=other, headers=key), 400, "idempotency_key_reused")
        assert count(db, table) == before + 1
        if what != "a registration":  # which a customer can neither read nor delete
            assert client.get(first.headers["Location"]).headers.get("ETag") == first.headers.get("ETag")
            data_of(client.delete(first.headers["Location"]))
            assert client.post(path, json=body, headers=key).status_code == 404


def test_a_path_in_another_spelling_is_the_same_request(customer: Account, db: Db) -> None:
    for path in (ME, customer.path, customer.path.replace(customer.uuid, customer.uuid.upper())):
        data_of(customer.client.post(f"{path}/addresses", json=ADDRESS, headers=KEY), 201)
    assert count(db, "customer_address") == 1


def test_who_has_registered_somebody_else_is_not_shown_what_became_of_it(
    customer: Account, admin: Account, db: Db
) -> None:
    for registers, status in (customer, 409), (admin, 201):
        body, key = {**NEW, "email": f"{status}@example.com"}, {"Idempotency-Key": str(status)}
        created = data_of(registers.client.post(CUSTOMERS, json=body, headers=key), 201)
        data_of(admin.client.patch(f"{CUSTOMERS}/{created['uuid']}", json={"full_name": "The Owner"}))

        assert registers.client.post(CUSTOMERS, json=body, headers=key).status_code == status


def test_an_anonymous_registration_ignores_its_key(app: Flask, client: CheckingClient, db: Db) -> None:
    """The remembered answer told a stranger whether a guessed password was right: 201 or 400, without any limit."""
    data_of(client.post(CUSTOMERS, json=NEW, headers=KEY), 201)

    for password in (PASSWORD, "a guessed password"):
        response = new_client(app).post(CUSTOMERS, json={**NEW, "password": password}, headers=KEY)
        refused(response, 409, "email_taken")
        assert "Idempotent-Replayed" not in response.headers
    data_of(client.post(CUSTOMERS, json={**NEW, "email": "bob@example.com"}, headers={"Idempotency-Key": "é"}), 201)
    assert count(db, "idempotency_key") == 0


def test_another_callers_key_is_another_key(make_customer: Callable[..., Account], admin: Account, db: Db) -> None:
    number = db.one("SELECT admin_user_id FROM admin_user")["admin_user_id"]
    db.execute(f"ALTER TABLE customer ALTER customer_id RESTART WITH {number}")  # of an admin and a customer of one id
    one, two = make_customer(), make_customer()

    for response in (post(one), post(two), admin.client.post(f"{one.path}/addresses", json=ADDRESS, headers=KEY)):
        data_of(response, 201)
        assert "Idempotent-Replayed" not in response.headers
    data_of(one.client.post("/customers/logout"))
    refused(post(one), 401, "not_authenticated")
    assert count(db, "customer_address") == 3


def test_a_key_is_forgotten_after_24_hours(customer: Account, admin: Account, db: Db) -> None:
    first = post(customer)
    data_of(admin.client.post(CUSTOMERS, json=NEW, headers=KEY), 201)
    db.execute("UPDATE idempotency_key SET created_at = now() - interval '23 h 59 min'")
    assert post(customer).headers["Idempotent-Replayed"] == "true"
    db.execute("UPDATE idempotency_key SET created_at = now() - interval '24 h'")

    refused(admin.client.post(CUSTOMERS, json=NEW, headers=KEY), 409, "email_taken")
    later = [post(customer, {**ADDRESS, "city": "X"}) for _ in range(2)]

    assert [response.headers.get("Idempotent-Replayed") for response in later] == [None, "true"]
    assert data_of(later[0], 201) == data_of(later[1], 201) != data_of(first, 201)


def test_no_refusal_no_password_and_no_key_is_remembered(admin: Account, customer: Account, db: Db) -> None:
    refused(admin.client.post(CUSTOMERS, json={**NEW, "email": customer.email}, headers=KEY), 409, "email_taken")
    invalid(admin.client.post(CUSTOMERS, json={**NEW, "full_name": ""}, headers=KEY), "full_name")

    data_of(admin.client.post(CUSTOMERS, json=NEW, headers=KEY), 201)
    stored = db.one("SELECT idempotency_key::text AS everything FROM idempotency_key")["everything"]
    for secret in (PASSWORD, KEY["Idempotency-Key"], "$2b$"):
        assert secret not in stored
        assert secret.encode().hex() not in stored


def test_a_key_must_be_1_to_255_printable_ascii_characters(customer: Account, db: Db) -> None:
    for key in ("x", "x" * 255, ' ~!"#'):
        data_of(post(customer, key={"Idempotency-Key": key}), 201)
    for key in ("", "x" * 256, "é", "a\tb", "\x7f"):
        refused(post(customer, key={"Idempotency-Key": key}), 400, "idempotency_key_invalid")
    assert count(db, "customer_address") == 3


@pytest.mark.parametrize("what", ["an address", "a customer", "a group"])
def test_of_16_requests_with_one_key_one_creates_and_the_others_get_its_result(
    accounts: dict[str, Account], db: Db, what: str
) -> None:
    who, path, body, _, table = CREATED[what]
    before = count(db, table)

    responses = at_once(16, lambda _: accounts[who].client.post(path, json=body, headers=KEY))

    assert {response.status_code for response in responses} == {201}
    assert len({response.data for response in responses}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in responses) == 1
    assert count(db, table) == before + 1
