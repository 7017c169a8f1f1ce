"""Changing one's own password by the current one (CONTRACT section 6)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, NEW_PASSWORD, browser_of, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import overtaken

CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
PATH = f"{ME}/password"


@pytest.fixture
def elsewhere(app: Flask, customer: Account) -> CheckingClient:
    """Return another browser of the customer."""
    return browser_of(app, customer)


def test_it_ends_the_other_sessions_the_old_password_and_the_reset_tokens(
    app: Flask, customer: Account, elsewhere: CheckingClient, make_customer: Callable[..., Account], db: Db
) -> None:
    bystander = make_customer()
    tokens = [reset_token(db, account, account.email) for account in (customer, bystander)]

    done(customer.client.post(PATH, json=CHANGE))

    assert [client.get(ME).status_code for client in (customer.client, bystander.client, elsewhere)] == [200, 200, 401]
    old = new_client(app).post("/customer/login", json={"email": customer.email, "password": PASSWORD})
    refused(old, 401, "invalid_credentials")
    log_in(new_client(app), customer.email, NEW_PASSWORD)
    uses = [{"token": token, "password": "set by the mail"} for token in tokens]
    assert [elsewhere.post("/api/customers/password", json=use).status_code for use in uses] == [400, 200]


def test_it_needs_no_recent_login(customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '1 day'")

    done(customer.client.post(PATH, json=CHANGE))

    refused(customer.client.patch(ME, json={"password": "yet another one"}), 403, "login_again")


@pytest.mark.parametrize("current", ["wrong password", "", PASSWORD.upper(), f" {PASSWORD}", "x" * 5000])
def test_a_wrong_current_password_is_a_403_and_changes_nothing(
    app: Flask, customer: Account, elsewhere: CheckingClient, db: Db, current: str
) -> None:
    reset_token(db, customer)

    refused(customer.client.post(PATH, json={**CHANGE, "current_password": current}), 403, "wrong_password")

    data_of(elsewhere.get(ME))
    assert db.one("SELECT count(*) FROM reset_password_token") == {"count": 1}
    log_in(new_client(app), customer.email)


def test_a_current_password_that_is_changed_meanwhile_is_wrong(customer: Account, database: str, db: Db) -> None:
    """The change has locked the account when this one, which has checked the old password, comes to write."""
    change = "UPDATE customer SET password = 'changed'"

    refused(overtaken(database, db, change, lambda: customer.client.post(PATH, json=CHANGE)), 403, "wrong_password")

    assert db.one("SELECT password FROM customer") == {"password": "changed"}
