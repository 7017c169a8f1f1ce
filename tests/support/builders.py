"""How tests make customers, addresses, groups, tokens and browsers; each way once."""

import hashlib
from typing import Any

from flask import Flask

from tests.conftest import ADDRESS, Account, log_in, new_client
from tests.support.answers import data_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.service import ANN

CUSTOMERS, GROUPS, ME = "/api/customers", "/api/customer-groups", "/api/customers/me"
NEW = ANN
NEW_PASSWORD = "staple correct horse"
MISSING = "00000000-0000-4000-8000-000000000000"


def registered(client: CheckingClient, **changes: Any) -> dict[str, Any]:
    created: dict[str, Any] = data_of(client.post(CUSTOMERS, json={**NEW, **changes}), 201)
    return created


def address_of(customer: Account, **changes: Any) -> str:
    """Give a customer an address and return its path."""
    created = customer.client.post(f"{customer.path}/addresses", json={**ADDRESS, **changes})
    data_of(created, 201)
    return created.headers["Location"]


def group_of(admin: Account, name: str = "Wholesale") -> dict[str, Any]:
    """Create a group and return what is answered, and its path."""
    created = admin.client.post(GROUPS, json={"group_name": name})
    return {**data_of(created, 201), "path": created.headers["Location"]}


def reset_token(db: Db, customer: Account, secret: str = "the secret of a mail") -> str:
    db.execute(
        "INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, %s FROM customer WHERE uuid = %s",
        *(hashlib.sha256(secret.encode()).hexdigest(), customer.uuid),
    )
    return secret


def browser_of(app: Flask, *accounts: Account) -> CheckingClient:
    """Return a browser in which these accounts are signed in, by cookie."""
    browser = new_client(app)
    for account in accounts:
        log_in(browser, account.email, path=account.login)
    return browser


def session_of(client: CheckingClient) -> str:
    (current,) = [one["uuid"] for one in data_of(client.get(f"{ME}/sessions")) if one["current"]]
    return str(current)


def sid_status(client: CheckingClient, path: str, sid: str) -> int:
    return client.get(path, headers={"X-Session-ID": sid}).status_code
