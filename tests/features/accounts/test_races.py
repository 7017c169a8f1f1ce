"""Requests on customers at the same time."""

from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.builders import CUSTOMERS, NEW
from tests.support.database import Db
from tests.support.threads import at_once, overtaken


def register(app: Flask, email: str) -> int:
    return new_client(app).post(CUSTOMERS, json={**NEW, "email": email}).status_code


def test_of_24_registrations_of_one_email_one_wins(app: Flask, db: Db) -> None:
    spellings = ["ann@example.com", "ANN@example.com", "Ann@Example.com", "aNN@example.COM"]

    statuses = at_once(24, lambda number: register(app, spellings[number % 4]))

    assert Counter(statuses) == {201: 1, 409: 23}
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


def test_of_16_changes_to_one_email_one_wins(make_customer: Callable[..., Account]) -> None:
    accounts = [make_customer() for _ in range(16)]

    statuses = at_once(16, lambda n: accounts[n].client.patch(accounts[n].path, json={"email": "x@y.zz"}).status_code)

    assert Counter(statuses) == {200: 1, 409: 15}


def test_of_16_deletions_one_finds_the_customer(customer: Account, admin: Account) -> None:
    statuses = at_once(16, lambda _: admin.client.delete(customer.path).status_code)

    assert Counter(statuses) == {200: 1, 404: 15}


ACTS = {
    "password": ("PATCH", {"password": "the thiefs new password"}),
    "email": ("PATCH", {"email": "thief@example.com"}),
    "full_name": ("PATCH", {"full_name": "Thief"}),
    "delete": ("DELETE", None),
}


@pytest.mark.parametrize("ended_by", ["logout", "password"])
@pytest.mark.parametrize("act", ACTS)
def test_who_is_thrown_out_while_a_request_waits_does_not_get_a_last_change_in(
    app: Flask, database: str, customer: Account, db: Db, ended_by: str, act: str
) -> None:
    """The session ends after the request was let in and before it writes, as it may while a password is hashed.

    Without a second look inside the transaction, a thief's change of the password would win over the victim's.
    """
    method, body = ACTS[act]
    end = {
        # Another writer holds the row while the victim signs out; a logout waits for nobody.
        "logout": ("UPDATE customer SET updated_at = updated_at", lambda: customer.client.post("/customers/logout")),
        "password": ("UPDATE customer SET password = password || ''; DELETE FROM login_session", None),
    }
    statements, meanwhile = end[ended_by]

    late = overtaken(
        database, db, statements, lambda: customer.client.open(customer.path, method=method, json=body), meanwhile
    )

    assert late.status_code == 401, late.text
    assert db.one("SELECT email, full_name FROM customer") == {"email": customer.email, "full_name": "Ann Customer"}
    log_in(new_client(app), customer.email, PASSWORD)


def test_a_session_logged_out_while_it_is_used_is_never_a_5xx(app: Flask, customer: Account) -> None:
    def act(number: int) -> int:
        if number == 7:
            return customer.client.post("/customers/logout").status_code
        return new_client(app).get(customer.path, headers=customer.headers).status_code

    assert set(at_once(16, act)) <= {200, 401}
    assert customer.client.get(customer.path).status_code == 401
