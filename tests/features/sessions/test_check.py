"""`GET /session`: a proxy asks who is signed in, and whether to pass a request on (CONTRACT section 1)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, new_client
from tests.support.answers import done, refused
from tests.support.builders import browser_of, group_of
from tests.support.client import CheckingClient
from tests.support.database import Db

WHO = ("X-Customer-UUID", "X-Customer-Group", "X-Admin-UUID")
ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


def who(client: CheckingClient, method: str = "GET", **headers: str) -> tuple[int, tuple[str | None, ...]]:
    """Return the status, and what the answer says of the customer, the group and the admin."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.open("/session", method=method, headers=sent)
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, tuple(response.headers.get(name) for name in WHO)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_names_the_customer_with_the_group_the_admin_or_both(
    app: Flask, customer: Account, admin: Account, method: str
) -> None:
    assert who(customer.client, method) == who(browser_of(app, customer), method) == (204, (customer.uuid, "1", None))
    assert who(admin.client, method) == (204, (None, None, admin.uuid))
    assert who(browser_of(app, customer, admin), method) == (204, (customer.uuid, "1", admin.uuid))
    assert who(new_client(app), method) == (401, (None, None, None))
    assert who(new_client(app), method, X_Customer_UUID=customer.uuid) == (401, (None, None, None))


def test_the_group_is_the_one_of_now_and_of_who_is_in_none_the_default_one(
    customer: Account, admin: Account, db: Db
) -> None:
    group = group_of(admin)["customer_group_id"]

    for stored, told in ((group, str(group)), (None, "1")):
        db.execute("UPDATE customer SET group_id = %s", stored)
        assert who(customer.client) == (204, (customer.uuid, told, None))


@pytest.mark.parametrize("end", ["logout", "status"])
def test_a_session_that_has_ended_is_a_401(app: Flask, customer: Account, admin: Account, end: str) -> None:
    browser = browser_of(app, customer)

    if end == "logout":
        done(browser.post("/customers/logout"))
        assert who(customer.client)[0] == 204
    else:
        admin.client.patch(customer.path, json={"status": 0})

    assert who(browser) == (401, (None, None, None))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "get", "NONSENSE"])
@pytest.mark.parametrize(
    "sent", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://x.y"}]
)
def test_a_write_by_cookie_that_a_page_of_another_site_started_is_refused(
    app: Flask, customer: Account, method: str, sent: dict[str, str]
) -> None:
    response = browser_of(app, customer).get("/session", headers={"X-Original-Method": method, **sent})

    refused(response, 403, "cross_site")
    assert not set(WHO) & set(response.headers.keys())


def test_a_read_a_write_of_the_own_site_and_a_write_by_header_or_from_a_trusted_origin_pass(
    make_app: Callable[..., Flask], customer: Account
) -> None:
    browser = browser_of(make_app(trusted_origins=frozenset({"https://other.example"})), customer)

    assert who(browser, X_Original_Method="GET", **ELSEWHERE)[0] == 204
    assert who(browser, X_Original_Method="HEAD", **ELSEWHERE)[0] == 204
    assert who(browser, X_Original_Method="POST", Origin="http://localhost", Sec_Fetch_Site="same-origin")[0] == 204
    assert who(browser, X_Original_Method="POST")[0] == 204
    assert who(browser, X_Original_Method="POST", Origin="https://other.example")[0] == 204
    assert who(customer.client, X_Original_Method="DELETE", **ELSEWHERE)[0] == 204
