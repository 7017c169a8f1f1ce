"""Safe retries with Idempotency-Key (CONTRACT section 10)."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from customers.purge import purge
from customers.context import Context
from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.support.database import Db
from tests.test_races import at_once

NEW = {"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann"}
KEY = {"Idempotency-Key": "a-key-of-the-caller"}


def test_the_same_registration_again_gets_the_first_answer_and_creates_nothing(client: CheckingClient, db: Db) -> None:
    first = client.post("/api/customers", json=NEW, headers=KEY)

    again = client.post("/api/customers", json=NEW, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


def test_so_does_the_same_address(customer: Account, db: Db) -> None:
    answers = [customer.client.post(f"{customer.path}/addresses", json=ADDRESS, headers=KEY) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 1


def test_without_a_key_each_request_creates(customer: Account, db: Db) -> None:
    for _ in range(2):
        customer.client.post(f"{customer.path}/addresses", json=ADDRESS)

    assert db.one("SELECT count(*) FROM customer_address")["count"] == 2


def test_the_same_key_with_another_body_is_a_400(client: CheckingClient, customer: Account, db: Db) -> None:
    client.post("/api/customers", json=NEW, headers=KEY)
    customer.client.post(f"{customer.path}/addresses", json=ADDRESS, headers=KEY)

    other_body = client.post("/api/customers", json={**NEW, "full_name": "Bob"}, headers=KEY)
    other_address = customer.client.post(f"{customer.path}/addresses", json={**ADDRESS, "city": "X"}, headers=KEY)

    for response in (other_body, other_address):
        assert (response.status_code, response.get_json()["error"]["code"]) == (400, "idempotency_key_reused")
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 1


def test_another_callers_key_is_another_key(make_customer: Callable[..., Account], admin: Account, db: Db) -> None:
    one, two = make_customer(), make_customer()

    for client, path in ((one.client, one.path), (two.client, two.path), (admin.client, one.path)):
        response = client.post(f"{path}/addresses", json=ADDRESS, headers=KEY)
        assert (response.status_code, "Idempotent-Replayed" in response.headers) == (201, False)

    assert db.one("SELECT count(*) FROM customer_address")["count"] == 3


def test_a_key_is_forgotten_after_24_hours(customer: Account, db: Db) -> None:
    path = f"{customer.path}/addresses"
    customer.client.post(path, json=ADDRESS, headers=KEY)
    db.execute("UPDATE idempotent_answer SET created_at = now() - interval '23 h 59 min'")
    remembered = customer.client.post(path, json=ADDRESS, headers=KEY)
    db.execute("UPDATE idempotent_answer SET created_at = now() - interval '24 h'")

    forgotten = customer.client.post(path, json={**ADDRESS, "city": "X"}, headers=KEY)

    assert remembered.headers["Idempotent-Replayed"] == "true"
    assert forgotten.status_code == 201
    assert customer.client.post(path, json={**ADDRESS, "city": "X"}, headers=KEY).data == forgotten.data


def test_a_refusal_is_not_remembered(client: CheckingClient, customer: Account, db: Db) -> None:
    taken = client.post("/api/customers", json={**NEW, "email": customer.email}, headers=KEY)
    invalid = client.post("/api/customers", json={**NEW, "full_name": ""}, headers=KEY)

    created = client.post("/api/customers", json=NEW, headers=KEY)

    assert (taken.status_code, invalid.status_code, created.status_code) == (409, 400, 201)


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "\x7f"])
def test_a_key_must_be_1_to_255_printable_ascii_characters(client: CheckingClient, db: Db, key: str) -> None:
    response = client.post("/api/customers", json=NEW, headers={"Idempotency-Key": key})

    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "idempotency_key_invalid")
    assert db.one("SELECT count(*) FROM customer")["count"] == 0


@pytest.mark.parametrize("key", ["x", "x" * 255, ' ~!"#'])
def test_any_other_is_taken(client: CheckingClient, key: str) -> None:
    assert client.post("/api/customers", json=NEW, headers={"Idempotency-Key": key}).status_code == 201


def test_of_16_requests_with_one_key_one_creates_and_the_others_get_its_answer(app: Flask, db: Db) -> None:
    def register(_: int) -> Any:
        return new_client(app).post("/api/customers", json=NEW, headers=KEY)

    answers = at_once(16, register)

    created = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(created) + len(waiting) == 16
    assert len({answer.data for answer in created}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in created) == 1
    assert {answer.get_json()["error"]["code"] for answer in waiting} <= {"request_in_progress"}
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


def test_a_request_that_meets_the_first_at_work_is_a_409(customer: Account, ctx: Context, db: Db) -> None:
    path = f"{customer.path}/addresses"
    customer.client.post(path, json=ADDRESS, headers=KEY)
    digest = db.one("SELECT digest FROM idempotent_answer")["digest"]
    db.execute("DELETE FROM idempotent_answer")

    with ctx.db.writing() as conn:
        conn.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (int.from_bytes(digest[:8], signed=True),))
        meanwhile = customer.client.post(path, json=ADDRESS, headers=KEY)
    afterwards = customer.client.post(path, json=ADDRESS, headers=KEY)

    assert (meanwhile.status_code, meanwhile.get_json()["error"]["code"]) == (409, "request_in_progress")
    assert afterwards.status_code == 201


def test_what_is_remembered_holds_no_password_and_no_key_and_goes_with_the_account(
    client: CheckingClient, admin: Account, db: Db
) -> None:
    created = client.post("/api/customers", json=NEW, headers=KEY)
    stored = db.one("SELECT idempotent_answer::text AS everything FROM idempotent_answer")["everything"]

    admin.client.delete(created.headers["Location"])

    assert PASSWORD not in stored
    assert KEY["Idempotency-Key"] not in stored
    assert "$2b$" not in stored
    assert db.all("SELECT FROM idempotent_answer") == []


def test_purge_deletes_what_is_forgotten(customer: Account, ctx: Context, db: Db) -> None:
    for number in range(3):
        customer.client.post(f"{customer.path}/addresses", json=ADDRESS, headers={"Idempotency-Key": str(number)})
    db.execute("UPDATE idempotent_answer SET created_at = now() - interval '25 h' WHERE status = 201")
    customer.client.post(f"{customer.path}/addresses", json=ADDRESS, headers=KEY)

    deleted = purge(ctx, batch=2)

    assert deleted["answers"] == 3
    assert db.one("SELECT count(*) FROM idempotent_answer")["count"] == 1


def test_a_replay_needs_the_same_rights_as_the_first(customer: Account, db: Db) -> None:
    path = f"{customer.path}/addresses"
    customer.client.post(path, json=ADDRESS, headers=KEY)
    customer.client.post("/customers/logout")

    assert customer.client.post(path, json=ADDRESS, headers=KEY).status_code == 401


def test_statuses_of_concurrent_addresses_with_one_key(customer: Account, db: Db) -> None:
    statuses = at_once(
        16, lambda _: customer.client.post(f"{customer.path}/addresses", json=ADDRESS, headers=KEY).status_code
    )

    assert set(Counter(statuses)) <= {201, 409}
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 1
