"""`GET /session`: a proxy asks who is signed in, and whether to pass a request on."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.database import Db
from tests.support.rows import add_group

WHO = ("X-Customer-UUID", "X-Customer-Group", "X-Admin-UUID")


@pytest.fixture
def browser(app: Flask, customer: Account) -> CheckingClient:
    """Return a client with a customer's cookie."""
    client = new_client(app)
    log_in(client, customer.email)
    return client


def who(client: CheckingClient, method: str = "GET", **headers: str) -> tuple[int, tuple[str | None, ...]]:
    """Return the status, and what the answer says of the customer, the group and the admin."""
    response = client.open(
        "/session", method=method, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, tuple(response.headers.get(name) for name in WHO)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_names_the_customer_and_the_group_by_header_and_by_cookie(
    browser: CheckingClient, customer: Account, method: str
) -> None:
    named = (204, (customer.uuid, "1", None))

    assert who(customer.client, method) == named
    assert who(browser, method) == named


def test_it_names_an_admin(admin: Account) -> None:
    assert who(admin.client) == (204, (None, None, admin.uuid))


def test_it_names_both_where_both_are_signed_in_from_one_browser(
    browser: CheckingClient, customer: Account, admin: Account
) -> None:
    browser.post("/admin/user/login", json={"email": admin.email, "password": PASSWORD})

    assert who(browser) == (204, (customer.uuid, "1", admin.uuid))


def test_the_group_is_the_one_of_now(customer: Account, db: Db) -> None:
    group_id = add_group(db, "Wholesale")
    db.execute("UPDATE customer SET group_id = %s WHERE uuid = %s", group_id, customer.uuid)

    assert who(customer.client) == (204, (customer.uuid, str(group_id), None))


def test_who_is_in_no_group_belongs_to_the_default_one(customer: Account, db: Db) -> None:
    db.execute("UPDATE customer SET group_id = NULL WHERE uuid = %s", customer.uuid)

    assert who(customer.client) == (204, (customer.uuid, "1", None))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nobody_is_a_401(client: CheckingClient, method: str) -> None:
    assert who(client, method) == (401, (None, None, None))
    assert who(client, method, X_Session_ID="wrong", X_Customer_UUID="x") == (401, (None, None, None))


def test_a_wrong_header_is_a_401_beside_a_good_cookie(browser: CheckingClient) -> None:
    assert who(browser, X_Session_ID="wrong") == (401, (None, None, None))


def test_a_session_that_has_ended_is_a_401(browser: CheckingClient, customer: Account) -> None:
    browser.post("/customers/logout")
    customer.client.post("/customers/logout")

    assert who(browser)[0] == 401
    assert who(customer.client)[0] == 401


def test_a_disabled_account_is_a_401(browser: CheckingClient, customer: Account, admin: Account) -> None:
    admin.client.patch(customer.path, json={"status": 0})

    assert who(browser)[0] == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "get", "NONSENSE"])
@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_a_write_by_cookie_that_a_page_of_another_site_started_is_refused(
    browser: CheckingClient, method: str, headers: dict[str, str]
) -> None:
    response = browser.get("/session", headers={"X-Original-Method": method, **headers})

    assert (response.status_code, response.get_json()["error"]["code"]) == (403, "cross_site")
    assert not set(WHO) & set(response.headers.keys())


def test_a_read_a_write_of_the_own_site_and_a_write_by_header_pass(browser: CheckingClient, customer: Account) -> None:
    elsewhere = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}

    assert who(browser, X_Original_Method="GET", **elsewhere)[0] == 204
    assert who(browser, X_Original_Method="HEAD", **elsewhere)[0] == 204
    assert who(browser, X_Original_Method="POST", Origin="http://localhost", Sec_Fetch_Site="same-origin")[0] == 204
    assert who(browser, X_Original_Method="POST")[0] == 204
    assert who(customer.client, X_Original_Method="DELETE", **elsewhere)[0] == 204


def test_trusted_origins_may_write(make_app: Callable[..., Flask], customer: Account) -> None:
    browser = new_client(make_app(trusted_origins=frozenset({"https://other.example"})))
    log_in(browser, customer.email)

    response = browser.get("/session", headers={"X-Original-Method": "POST", "Origin": "https://other.example"})

    assert response.status_code == 204


def test_it_costs_one_statement(make_app: Callable[..., Flask], customer: Account) -> None:
    statements: list[str] = []
    app = make_app()
    app.extensions["customers"].database.listen("before_cursor_execute", lambda *args: statements.append(args[2]))

    response = new_client(app).get("/session", headers=customer.headers)

    assert response.status_code == 204
    assert len(statements) == 1
