"""What holds of a customer's addresses together: one default, at most 100; also of requests at once (CONTRACT 7)."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask

from customers.config import Settings
from tests import pooler
from tests.conftest import ADDRESS, Account, new_client
from tests.support.database import Db
from tests.test_races import at_once, wait_until, waiting_for_a_lock

Ask = Callable[..., Any]


@pytest.fixture
def ask(app: Flask, customer: Account) -> Ask:
    """Return a function that sends the customer's request from a client of its own, as a thread needs it."""

    def ask(method: str, path: str, body: object = None) -> Any:
        client = new_client(app, use_cookies=False)
        return client.open(path, method=method, json=body, headers=customer.headers)

    return ask


def add(ask: Ask, customer: Account, **changes: Any) -> str:
    response = ask("POST", f"{customer.path}/addresses", {**ADDRESS, **changes})
    assert response.status_code == 201, response.text
    return str(response.headers["Location"])


def fill(db: Db, customer: Account, count: int) -> None:
    db.execute(
        "INSERT INTO customer_address (customer_id, country)"
        " SELECT customer_id, 'US' FROM customer, generate_series(1, %s) WHERE uuid = %s",
        count,
        customer.uuid,
    )


def defaults(ask: Ask, customer: Account) -> list[str]:
    found = ask("GET", f"{customer.path}/addresses").get_json()["data"]
    return [f"{customer.path}/addresses/{one['uuid']}" for one in found if one["is_default"]]


# ---------------------------------------------------------------- one default


def test_making_one_the_default_clears_the_other(ask: Ask, customer: Account) -> None:
    first, second = add(ask, customer, is_default=True), add(ask, customer)
    before = defaults(ask, customer)

    ask("PATCH", second, {"is_default": True})
    updated = defaults(ask, customer)
    third = add(ask, customer, is_default=1)

    assert (before, updated, defaults(ask, customer)) == ([first], [second], [third])


def test_a_default_may_be_given_up_and_stays_through_other_changes(ask: Ask, customer: Account) -> None:
    path = add(ask, customer, is_default=True)

    ask("PATCH", path, {"city": "X"})
    kept = defaults(ask, customer)
    ask("PATCH", path, {"is_default": 0})

    assert kept == [path]
    assert defaults(ask, customer) == []


def test_a_default_is_one_for_each_customer(ask: Ask, customer: Account, make_customer: Any) -> None:
    path = add(ask, customer, is_default=True)
    other = make_customer()

    other.client.post(f"{other.path}/addresses", json={**ADDRESS, "is_default": True})

    assert defaults(ask, customer) == [path]


def test_the_database_refuses_a_second_default(ask: Ask, customer: Account, db: Db) -> None:
    add(ask, customer, is_default=True)

    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(
            "INSERT INTO customer_address (customer_id, country, is_default)"
            " SELECT customer_id, 'US', true FROM customer"
        )


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_refused_request_leaves_the_default_as_it_was(ask: Ask, customer: Account, method: str) -> None:
    first, second = add(ask, customer, is_default=True), add(ask, customer)
    path = second if method == "PATCH" else f"{customer.path}/addresses"

    response = ask(method, path, {**ADDRESS, "is_default": True, "postcode": " "})

    assert response.status_code == 400
    assert defaults(ask, customer) == [first]


def test_of_16_different_addresses_made_the_default_at_once_one_is(ask: Ask, customer: Account) -> None:
    paths = [add(ask, customer, is_default=number == 0) for number in range(16)]

    for _ in range(4):
        statuses = at_once(16, lambda number: ask("PATCH", paths[number], {"is_default": True}).status_code)

        assert Counter(statuses) == {200: 16}
        assert len(defaults(ask, customer)) == 1


def test_of_defaults_created_at_once_one_is(ask: Ask, customer: Account) -> None:
    for _ in range(8):
        paths = at_once(2, lambda _: add(ask, customer, is_default=True))

        (default,) = defaults(ask, customer)
        assert default in paths


def test_defaults_created_changed_and_deleted_at_once_are_at_most_one(ask: Ask, customer: Account) -> None:
    paths = [add(ask, customer) for _ in range(4)]

    acts = [("POST", f"{customer.path}/addresses"), *(("PATCH", path) for path in paths), ("DELETE", paths[0])]

    def act(number: int) -> tuple[str, int]:
        method, path = acts[number % 6]
        return method, ask(method, path, {**ADDRESS, "is_default": True}).status_code

    results = at_once(18, act)

    assert set(results) <= {("POST", 201), ("PATCH", 200), ("PATCH", 404), ("DELETE", 200), ("DELETE", 404)}
    assert len(defaults(ask, customer)) <= 1


# ---------------------------------------------------------------- at most 100


def test_the_101st_address_is_a_409_and_leaves_the_default(ask: Ask, customer: Account, db: Db) -> None:
    first = add(ask, customer, is_default=True)
    fill(db, customer, 98)
    hundredth = add(ask, customer)

    response = ask("POST", f"{customer.path}/addresses", {**ADDRESS, "is_default": True})

    assert (response.status_code, response.get_json()["error"]["code"]) == (409, "too_many_addresses")
    assert defaults(ask, customer) == [first]
    assert ask("PATCH", hundredth, {"city": "X"}).status_code == 200


def test_a_place_that_is_given_up_may_be_taken_again(ask: Ask, customer: Account, db: Db) -> None:
    path = add(ask, customer)
    fill(db, customer, 99)

    ask("DELETE", path)

    add(ask, customer)
    assert ask("POST", f"{customer.path}/addresses", ADDRESS).status_code == 409


def test_another_customers_addresses_do_not_count(
    ask: Ask, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    fill(db, make_customer(), 100)

    add(ask, customer)


def test_of_110_created_at_once_exactly_100_are(ask: Ask, customer: Account, db: Db) -> None:
    statuses = at_once(110, lambda _: ask("POST", f"{customer.path}/addresses", ADDRESS).status_code)

    assert Counter(statuses) == {201: 100, 409: 10}
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 100


# ---------------------------------------------------------------- one address


def test_of_16_deletions_one_finds_the_address(ask: Ask, customer: Account) -> None:
    path = add(ask, customer)

    statuses = at_once(16, lambda _: ask("DELETE", path).status_code)

    assert Counter(statuses) == {200: 1, 404: 15}


def test_changes_at_once_of_different_fields_are_all_kept(ask: Ask, customer: Account) -> None:
    path = add(ask, customer)
    changes = {name: f"new {name}" for name in ("full_name", "telephone", "address_1", "address_2", "city", "province")}

    statuses = at_once(6, lambda number: ask("PATCH", path, dict([list(changes.items())[number]])).status_code)

    data = ask("GET", path).get_json()["data"]
    assert Counter(statuses) == {200: 6}
    assert {name: data[name] for name in changes} == changes


def test_addresses_created_while_the_customer_is_deleted_are_gone_with_it(
    ask: Ask, customer: Account, admin: Account, db: Db
) -> None:
    def act(number: int) -> int:
        if number == 7:
            return admin.client.delete(customer.path).status_code
        return int(ask("POST", f"{customer.path}/addresses", ADDRESS).status_code)

    statuses = at_once(16, act)

    assert statuses[7] == 200
    assert set(statuses) <= {200, 201, 401, 404}
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 0


@pytest.mark.parametrize(
    ("statement", "status"),
    [("DELETE FROM customer_address", 404), ("UPDATE customer_address SET telephone = '1'", 200)],
)
def test_a_patch_that_waited_for_another_write_is_never_a_412_unless_it_asked(
    ask: Ask, customer: Account, settings: Settings, db: Db, statement: str, status: int
) -> None:
    """Contract section 10: without If-Match nothing changes. The other write is a DELETE here, or an EverShop's."""
    path = add(ask, customer)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask("PATCH", path, {"city": "X"})))

    with psycopg.connect(pooler.direct(settings)) as conn:
        conn.execute(statement.encode())
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
    thread.join()

    assert answers[0].status_code == status, answers[0].text
