"""Pending accounts: registered as inactive, so that the owner's e-mail cannot be taken away (CONTRACT section 1)."""

from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in
from tests.support.answers import data_of, done, refused
from tests.support.builders import CUSTOMERS, NEW, NEW_PASSWORD, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.smtp import Mailing, MailServer

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


def test_what_an_admin_disabled_stays_disabled(
    app: Flask, client: CheckingClient, customer: Account, admin: Account, db: Db
) -> None:
    created = Account(app, registered(admin.client, status=0)["uuid"], NEW["email"], "")
    data_of(admin.client.patch(customer.path, json={"status": 0}))

    for account in (created, customer):
        refused(reset(client, db, account), 400, "invalid_token")
        db.execute("DELETE FROM reset_password_token")
    assert db.one("SELECT count(*) FROM customer WHERE status = 0") == {"count": 2}


def test_an_admins_password_does_not_activate_it(
    client: CheckingClient, pending: Account, admin: Account, db: Db
) -> None:
    data_of(admin.client.patch(pending.path, json={"password": "given by an admin"}))
    refused(client.post("/customer/login", json={**LOGIN, "password": "given by an admin"}), 401, "invalid_credentials")
    data_of(admin.client.delete(pending.path))
    assert db.all("SELECT FROM pending_customer") == []
