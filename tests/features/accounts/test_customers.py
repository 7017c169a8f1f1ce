"""Creating, reading, updating and deleting customers (CONTRACT sections 1, 3 and 4)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, ME, NEW, address_of, browser_of, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db


def test_a_created_customer_is_where_location_says_and_active_in_the_default_group(
    client: CheckingClient, admin: Account
) -> None:
    created = client.post(CUSTOMERS, json=NEW)

    data = data_of(created, 201)
    assert created.headers["Location"] == f"{CUSTOMERS}/{data['uuid']}"
    assert (data["status"], data["group_id"], data["email"], data["full_name"]) == (
        1,
        1,
        NEW["email"],
        NEW["full_name"],
    )
    assert data["links"][1]["href"] == f"/admin/customers/edit/{data.pop('links') and data['uuid']}"
    assert data_of(admin.client.get(created.headers["Location"])) == {**data, "addresses": []}


@pytest.mark.parametrize("status", ["0", 0, "1", 1])
def test_an_admin_creates_an_account_of_either_status(admin: Account, status: object) -> None:
    assert registered(admin.client, status=status)["status"] is int(str(status))


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
def test_times_are_utc_to_the_second_and_null_where_they_cannot_be_written_so(
    customer: Account, admin: Account, db: Db, table: str
) -> None:
    address = address_of(customer)
    groups = "/api/customer-groups"
    group = f"{groups}/{data_of(admin.client.get(groups))[0]['uuid']}"
    reads = {
        "customer": [customer.path, CUSTOMERS, f"{customer.path}/export"],
        "customer_address": [address, f"{customer.path}/addresses", f"{customer.path}/export"],
        "customer_group": [group, groups],
        "login_session": [f"{customer.path}/sessions"],
    }[table]

    for stored, answered in TIMES.items():
        if stored is None and table == "login_session":
            continue  # the column is NOT NULL
        db.execute(f"UPDATE {table} SET created_at = %s", stored)
        for path in reads:
            data = data_of(admin.client.get(path))
            if path.endswith("/export") and table == "customer_address":
                data = data["addresses"]
            one = data[0] if isinstance(data, list) else data
            assert one["created_at"] == answered, (stored, path)


# ---------------------------------------------------------------- e-mails and passwords


def test_an_email_is_unique_whatever_its_case_and_kept_as_typed(
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


@pytest.mark.parametrize("pattern", ["a%@example.com", "a_n@example.com", "%"])
def test_an_email_is_never_compared_as_a_pattern(client: CheckingClient, pattern: str) -> None:
    registered(client)

    login = client.post("/customer/login", json={"email": pattern, "password": PASSWORD})

    assert login.status_code == (400 if pattern == "%" else 401)
    if pattern != "%":
        registered(client, email=pattern, password="another password")


def test_an_international_domain_is_one_email_in_either_form(
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


def test_a_customer_may_not_send_status_and_an_admin_may(app: Flask, customer: Account, admin: Account) -> None:
    for client in (customer.client, browser_of(app, customer)):
        for status in (0, 1, "1"):
            refused(client.patch(customer.path, json={"status": status, "full_name": "X"}), 403, "status_forbidden")

    assert data_of(admin.client.patch(customer.path, json={"status": "1"}))["full_name"] == "Ann Customer"
    assert data_of(admin.client.patch(customer.path, json={"status": 0}))["status"] == 0


def test_delete_answers_the_customer_as_it_was_and_takes_all_that_belongs_to_it(
    app: Flask, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    other = make_customer()
    for account in (customer, other):
        address_of(account)
        reset_token(db, account, account.email)
    before = data_of(customer.client.get(customer.path))

    deleted = data_of(customer.client.delete(customer.path))

    assert {**deleted, "addresses": before["addresses"]} == before
    for table in ("customer", "customer_address", "login_session", "login_network", "reset_password_token"):
        assert db.one(f"SELECT count(*) FROM {table}")["count"] == 1, table
    registered(new_client(app), email=customer.email)


def test_a_read_has_the_customers_own_addresses_only_a_null_default_as_false(
    customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    other = make_customer()
    for name, default in (("first", None), ("second", True), ("third", False)):
        db.execute(
            "INSERT INTO customer_address (customer_id, full_name, country, is_default)"
            " SELECT customer_id, %s, 'US', %s FROM customer WHERE uuid = %s",
            *(name, default, customer.uuid),
        )

    found = data_of(customer.client.get(customer.path))["addresses"]

    assert [(one["full_name"], one["is_default"]) for one in found] == [
        ("second", True), ("first", False), ("third", False)
    ]  # fmt: skip
    assert data_of(other.client.get(other.path))["addresses"] == []
