"""Creating, reading, updating and deleting customers; pending accounts."""

from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in
from tests.support.answers import data_of, done, refused
from tests.support.builders import CUSTOMERS, GROUPS, ME, NEW, NEW_PASSWORD, address_of, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.smtp import Mailing, MailServer


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
def test_times_are_utc_seconds_or_null(customer: Account, admin: Account, address: str, db: Db, table: str) -> None:
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


def test_an_email_is_one_in_any_case_and_no_pattern(client: CheckingClient, customer: Account, admin: Account) -> None:
    assert registered(client, email=" Ann.Of@Example.COM ")["email"] == "Ann.Of@Example.COM"

    for other in ("ann.of@example.com", "ANN.OF@EXAMPLE.COM"):
        refused(client.post(CUSTOMERS, json={**NEW, "email": other}), 409, "email_taken")
        refused(admin.client.post(CUSTOMERS, json={**NEW, "email": other}), 409, "email_taken")
        refused(customer.client.patch(customer.path, json={"email": other}), 409, "email_taken")
    own = data_of(customer.client.patch(customer.path, json={"email": customer.email.upper()}))
    assert own["email"] == customer.email.upper()
    log_in(client, "aNN.oF@example.com")
    for pattern in ("ann.o%@example.com", "ann.o_@example.com"):
        refused(client.post("/customer/login", json={**LOGIN, "email": pattern}), 401, "invalid_credentials")
        registered(client, email=pattern)


def test_international_domains_are_one_in_any_form(client: CheckingClient, customer: Account, admin: Account) -> None:
    """Firefox sends it as typed, Chromium in ASCII."""
    email = "ann@xn--bcher-kva.example"
    assert registered(client, email="ann@bücher.example")["email"] == email

    refused(client.post(CUSTOMERS, json={**NEW, "email": "ANN@xn--bcher-kva.example"}), 409, "email_taken")
    refused(customer.client.patch(ME, json={"email": "ann@BÜCHER.example"}), 409, "email_taken")
    for form in ("ann@bücher.example", "ann@bu\u0308cher.example", "Ann@XN--BCHER-KVA.example"):
        log_in(client, form)
        assert [each["email"] for each in data_of(admin.client.get(CUSTOMERS, query_string={"email": form}))] == [email]


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


def test_a_deletion_takes_all_of_a_customer(client: CheckingClient, customer: Account, other: Account, db: Db) -> None:
    for account in (customer, other):
        address_of(account)
        reset_token(db, account, account.email)
    before = data_of(customer.client.get(customer.path))

    deleted = data_of(customer.client.delete(customer.path))

    assert {**deleted, "addresses": before["addresses"]} == before
    for table in ("customer", "customer_address", "login_session", "login_network", "reset_password_token"):
        assert db.one(f"SELECT count(*) FROM {table}")["count"] == 1, table
    registered(client, email=customer.email)


LOGIN = {"email": NEW["email"], "password": PASSWORD}


@pytest.fixture
def pending(app: Flask, client: CheckingClient) -> Account:
    """Return an account that was registered with status 0."""
    return Account(app, registered(client, status="0")["uuid"], NEW["email"], "")


def reset(client: CheckingClient, db: Db, account: Account) -> Any:
    body = {"token": reset_token(db, account), "password": NEW_PASSWORD}
    return client.post("/api/customers/password", json=body)


@pytest.mark.parametrize("by", ["anonymous", "customer"])
def test_an_account_registered_as_inactive_cannot_sign_in_until_its_owner_sets_a_password_by_mail(
    make_app: Any, client: CheckingClient, customer: Account, db: Db, by: str
) -> None:
    """Cause: a stranger registered the owner's e-mail with status 0, and the owner could neither register nor reset."""
    with MailServer() as smtp:
        mailing = Mailing(make_app, smtp, db, smtp_timeout=10)
        assert registered(customer.client if by == "customer" else client, status=0)["status"] == 0
        refused(client.post("/customer/login", json=LOGIN), 401, "invalid_credentials")
        refused(client.post(CUSTOMERS, json=NEW), 409, "email_taken")

        done(mailing.use(mailing.token(NEW["email"]), NEW_PASSWORD))

    refused(client.post("/customer/login", json=LOGIN), 401, "invalid_credentials")
    log_in(client, NEW["email"], NEW_PASSWORD)
    assert db.all("SELECT FROM pending_customer") == []
    trail = db.all("SELECT details FROM audit_log WHERE event = 'status_changed'")
    assert trail == [{"details": {"from": 0, "to": 1}}]


@pytest.mark.parametrize("status", [0, 1])
def test_once_an_admin_has_set_a_status_of_whatever_value_it_is_pending_no_more(
    client: CheckingClient, pending: Account, admin: Account, db: Db, status: int
) -> None:
    data_of(admin.client.patch(pending.path, json={"full_name": "Still pending", "group_id": 1}))
    assert data_of(admin.client.get(f"{pending.path}/export"))["pending"] is True

    assert data_of(admin.client.patch(pending.path, json={"status": status}))["status"] == status

    assert data_of(admin.client.get(f"{pending.path}/export"))["pending"] is False
    assert client.post("/customer/login", json=LOGIN).status_code == (200 if status else 401)
    assert reset(client, db, pending).status_code == (200 if status else 400)


def test_what_an_admin_disabled_stays_so(client: CheckingClient, customer: Account, admin: Account, db: Db) -> None:
    created = Account(client.application, registered(admin.client, status=0)["uuid"], NEW["email"], "")
    data_of(admin.client.patch(customer.path, json={"status": 0}))

    for account in (created, customer):
        refused(reset(client, db, account), 400, "invalid_token")
        db.execute("DELETE FROM reset_password_token")
    assert db.one("SELECT count(*) FROM customer WHERE status = 0") == {"count": 2}


def test_an_admins_password_does_not_activate(client: CheckingClient, pending: Account, admin: Account, db: Db) -> None:
    data_of(admin.client.patch(pending.path, json={"password": "given by an admin"}))
    refused(client.post("/customer/login", json={**LOGIN, "password": "given by an admin"}), 401, "invalid_credentials")
    data_of(admin.client.delete(pending.path))
    assert db.all("SELECT FROM pending_customer") == []
