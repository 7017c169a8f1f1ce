"""`GET /session`: a proxy asks who is signed in, and whether to pass a request on (CONTRACT section 1)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Account, new_client
from tests.support.answers import refused
from tests.support.builders import browser_of
from tests.support.client import CheckingClient
from tests.support.database import Db

WHO = ("X-Customer-UUID", "X-Customer-Group", "X-Admin-UUID")
ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
NOBODY = (401, (None, None, None))


def who(client: CheckingClient, method: str = "GET", **headers: str) -> tuple[int, tuple[str | None, ...]]:
    """Return the status, and what the answer says of the customer, the group and the admin."""
    response = client.open("/session", method=method, headers=headers)
    return response.status_code, tuple(response.headers.get(name) for name in WHO)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_names_the_customer_the_admin_or_both(app: Flask, customer: Account, admin: Account, method: str) -> None:
    assert who(customer.client, method) == who(browser_of(app, customer), method) == (204, (customer.uuid, "1", None))
    assert who(admin.client, method) == (204, (None, None, admin.uuid))
    assert who(browser_of(app, customer, admin), method) == (204, (customer.uuid, "1", admin.uuid))
    assert who(new_client(app), method) == NOBODY
    assert who(new_client(app), method, **{"X-Customer-UUID": customer.uuid}) == NOBODY


def test_the_group_is_that_of_now_or_the_default_one(customer: Account, db: Db, group: dict[str, Any]) -> None:
    number = group["customer_group_id"]

    for stored, told in ((number, str(number)), (None, "1")):
        db.execute("UPDATE customer SET group_id = %s", stored)
        assert who(customer.client) == (204, (customer.uuid, told, None))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "get", "NONSENSE"])
def test_a_write_by_cookie_from_another_site_is_refused(elsewhere: CheckingClient, method: str) -> None:
    for sent in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://x.y"}):
        response = elsewhere.get("/session", headers={"X-Original-Method": method, **sent})

        refused(response, 403, "cross_site")
        assert not set(WHO) & set(response.headers.keys())


def test_reads_and_writes_of_the_own_site_or_by_header_pass(make_app: Callable[..., Flask], customer: Account) -> None:
    browser = browser_of(make_app(trusted_origins=frozenset({"https://other.example"})), customer)

    for method, sent in [
        ("GET", ELSEWHERE),
        ("HEAD", ELSEWHERE),
        ("POST", {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}),
        ("POST", {}),
        ("POST", {"Origin": "https://other.example"}),
    ]:
        assert who(browser, **{"X-Original-Method": method}, **sent)[0] == 204
    assert who(customer.client, **{"X-Original-Method": "DELETE"}, **ELSEWHERE)[0] == 204
