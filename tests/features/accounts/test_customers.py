"""Creating, reading, updating and deleting customers (CONTRACT sections 1, 3 and 4)."""

from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, GROUPS, ME, NEW, address_of, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once, overtaken


def test_a_created_customer_is_active_and_where_location_says(client: CheckingClient, admin: Account) -> None:
    created = client.post(CUSTOMERS, json=NEW)

    data = data_of(created, 201)
    assert created.headers["Location"] == f"{CUSTOMERS}/{data['uuid']}"
    assert data.items() >= {"status": 1, "group_id": 1, "email": NEW["email"], "full_name": NEW["full_name"]}.items()
    assert data.pop("links")[1]["href"] == f"/admin/customers/edit/{data['uuid']}"
    assert data_of(admin.client.get(created.headers["Location"])) == {**data, "addresses": []}


TIMES = {
    "2026-01-31 23:30:00.9-05": "2026-02-01 04:30:00",
    "0001-01-01 00:00:00+00": "0001-01-01 00:00:00",
    "0999-12-31 23:59:59.999999+00": "0999-12-31 23:59:59",
    "9999-12-31 23:59:59.999999+00": "9999-12-31 23:59:59",
    "0001-01-01 00:00:00+01": None,
    "0044-03-15 12:00:00+00 BC": None,
    "10000-01-01 00:00:00+00": None,
    "infinity": None,
    "-infinity": None,
    None: None,
}


@pytest.mark.parametrize("table", ["customer", "customer_address", "customer_group", "login_session"])
def test_times_are_utc_to_the_second_or_null(
    customer: Account, admin: Account, address: str, db: Db, table: str
) -> None:
    group = f"{GROUPS}/{data_of(admin.client.get(GROUPS))[0]['uuid']}"
    reads = {
        "customer": [customer.path, CUSTOMERS, f"{customer.path}/export"],
        "customer_address": [address, f"{customer.path}/addresses", f"{customer.path}/export"],
        "customer_group": [group, GROUPS],
        "login_session": [f"{customer.path}/sessions"],
    }[table]

    for stored, answered in TIMES.items():
        if stored is None and table == "login_session":
            continue  # the column is NOT NULL
        db.execute(f"UPDATE {table} SET created_at = %s", stored)
        for path in reads:
            data = data_of(admin.client.get(path))
            data = data["addresses"] if path.endswith("/export") and table == "customer_address" else data
            one = data[0] if isinstance(data, list) else data
            assert one["created_at"] == answered, (stored, path)


# ---------------------------------------------------------------- e-mails and passwords


def test_an_email_is_unique_in_any_case_and_kept_as_typed(
    client: CheckingClient, customer: Account, admin: Account
) -> None:
    assert registered(client, email=" Ann.Of@Example.COM ")["email"] == "Ann.Of@Example.COM"

    for other in ("ann.of@example.com", "ANN.OF@EXAMPLE.COM"):
        refused(client.post(CUSTOMERS, json={**NEW, "email": other}), 409, "email_taken")
        refused(admin.client.post(CUSTOMERS, json={**NEW, "email": other}), 409, "email_taken")
        refused(customer.client.patch(customer.path, json={"email": other}), 409, "email_taken")
    own = data_of(customer.client.patch(customer.path, json={"email": customer.email.upper()}))
    assert own["email"] == customer.email.upper()
    log_in(client, "aNN.oF@example.com")


@pytest.mark.parametrize("pattern", ["a%@example.com", "a_n@example.com"])
def test_an_email_is_never_compared_as_a_pattern(client: CheckingClient, pattern: str) -> None:
    registered(client)

    login = client.post("/customer/login", json={"email": pattern, "password": PASSWORD})

    refused(login, 401, "invalid_credentials")
    registered(client, email=pattern, password="another password")


def test_an_international_domain_is_one_in_either_form(
    client: CheckingClient, customer: Account, admin: Account
) -> None:
    """Firefox sends it as typed, Chromium in ASCII."""
    email = "ann@xn--bcher-kva.example"
    assert registered(client, email="ann@bücher.example")["email"] == email

    refused(client.post(CUSTOMERS, json={**NEW, "email": "ANN@xn--bcher-kva.example"}), 409, "email_taken")
    refused(customer.client.patch(ME, json={"email": "ann@BÜCHER.example"}), 409, "email_taken")
    for form in ("ann@bücher.example", "ann@bu\u0308cher.example", "Ann@XN--BCHER-KVA.example"):
        log_in(client, form)
        assert [each["email"] for each in data_of(admin.client.get(CUSTOMERS, query_string={"email": form}))] == [email]


def test_a_password_is_never_trimmed(client: CheckingClient) -> None:
    registered(client, password="  spaces around  ")

    log_in(client, NEW["email"], "  spaces around  ")
    refused(client.post("/customer/login", json={**NEW, "password": "spaces around"}), 401, "invalid_credentials")


# ---------------------------------------------------------------- changes


def test_an_update_changes_what_it_names_and_nothing_else(customer: Account, db: Db) -> None:
    db.execute("UPDATE customer SET updated_at = '2020-01-01', created_at = '2020-01-01'")
    before = data_of(customer.client.get(customer.path))

    for changes in ({"full_name": "Zoë"}, {"full_name": "Zoë", "email": "zoe@example.com"}):
        db.execute("UPDATE customer SET updated_at = '2020-01-01'")
        after = data_of(customer.client.patch(customer.path, json=changes))
        assert {name for name in after if after[name] != before.get(name)} == {"updated_at", "links", *changes}
        assert (after["full_name"], after["updated_at"] > "2026") == ("Zoë", True)
        assert [link["rel"] for link in after["links"]] == ["customerGrid", "edit"]


def test_only_an_admin_may_send_status(customer: Account, elsewhere: CheckingClient, admin: Account) -> None:
    for client in (customer.client, elsewhere):
        for status in (0, 1, "1"):
            refused(client.patch(customer.path, json={"status": status, "full_name": "X"}), 403, "status_forbidden")

    assert data_of(admin.client.patch(customer.path, json={"status": "1"}))["full_name"] == "Ann Customer"
    assert data_of(admin.client.patch(customer.path, json={"status": 0}))["status"] == 0


def test_delete_answers_the_customer_and_takes_all_of_it(
    client: CheckingClient, customer: Account, other: Account, db: Db
) -> None:
    for account in (customer, other):
        address_of(account)
        reset_token(db, account, account.email)
    before = data_of(customer.client.get(customer.path))

    deleted = data_of(customer.client.delete(customer.path))

    assert {**deleted, "addresses": before["addresses"]} == before
    for table in ("customer", "customer_address", "login_session", "login_network", "reset_password_token"):
        assert db.one(f"SELECT count(*) FROM {table}")["count"] == 1, table
    registered(client, email=customer.email)


# ---------------------------------------------------------------- at once


def test_of_24_registrations_of_one_email_one_wins(app: Flask, db: Db) -> None:
    spellings = ["ann@example.com", "ANN@example.com", "Ann@Example.com", "aNN@example.COM"]

    def register(number: int) -> int:
        return new_client(app).post(CUSTOMERS, json={**NEW, "email": spellings[number % 4]}).status_code

    assert Counter(at_once(24, register)) == {201: 1, 409: 23}
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


def test_of_16_changes_to_one_email_one_wins(make_customer: Callable[..., Account]) -> None:
    accounts = [make_customer() for _ in range(16)]

    statuses = at_once(16, lambda n: accounts[n].client.patch(accounts[n].path, json={"email": "x@y.zz"}).status_code)

    assert Counter(statuses) == {200: 1, 409: 15}


def test_of_16_deletions_one_finds_the_customer(customer: Account, admin: Account) -> None:
    statuses = at_once(16, lambda _: admin.client.delete(customer.path).status_code)

    assert Counter(statuses) == {200: 1, 404: 15}


@pytest.mark.parametrize("ended_by", ["logout", "password"])
@pytest.mark.parametrize(
    ("method", "body"),
    [("PATCH", {"password": "the thiefs password"}), ("PATCH", {"email": "thief@example.com"}),
     ("PATCH", {"full_name": "Thief"}), ("DELETE", None)],
)  # fmt: skip
def test_who_is_thrown_out_while_a_request_waits_does_not_get_a_last_change_in(
    client: CheckingClient, database: str, customer: Account, db: Db, ended_by: str, method: str, body: object
) -> None:
    """The session ends after the request was let in and before it writes, as it may while a password is hashed.

    Without a second look inside the transaction, a thief's change of the password would win over the victim's.
    """
    statements, meanwhile = {
        # Another writer holds the row while the victim signs out; a logout waits for nobody.
        "logout": ("UPDATE customer SET updated_at = updated_at", lambda: customer.client.post("/customers/logout")),
        "password": ("UPDATE customer SET password = password || ''; DELETE FROM login_session", None),
    }[ended_by]

    def change() -> TestResponse:
        return customer.client.open(customer.path, method=method, json=body)

    refused(overtaken(database, db, statements, change, meanwhile), 401, "not_authenticated")

    assert db.one("SELECT email, full_name FROM customer") == {"email": customer.email, "full_name": "Ann Customer"}
    log_in(client, customer.email)
