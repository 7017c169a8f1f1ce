"""The cross-site rule and CORS (CONTRACT section 2)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, log_in, new_client

SHOP = "https://shop.example"

REFUSED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://["},
    {"Origin": "https://[::1"},
    {"Origin": "//localhost"},
    {"Origin": "localhost"},
    {"Origin": "ftp://localhost"},
    {"Origin": ""},
    {"Sec-Fetch-Site": ""},
]
ALLOWED = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
    {"Origin": "http://localhost"},
    {"Origin": "https://LOCALHOST"},
]


@pytest.fixture
def browser(app: Flask, customer: Account) -> CheckingClient:
    client = new_client(app)
    log_in(client, customer.email)
    return client


def is_cross_site(status: int, body: dict[str, dict[str, str]]) -> bool:
    return (status, body.get("error", {}).get("code")) == (403, "cross_site")


@pytest.mark.parametrize("headers", REFUSED)
@pytest.mark.parametrize("path", ["/customer/login", "/admin/user/login"])
def test_a_login_from_another_site_is_refused(
    client: CheckingClient, customer: Account, headers: dict[str, str], path: str
) -> None:
    response = client.post(path, json={"email": customer.email, "password": PASSWORD}, headers=headers)

    assert is_cross_site(response.status_code, response.get_json())
    assert "Set-Cookie" not in response.headers


def test_a_header_that_names_no_session_does_not_excuse_a_login(client: CheckingClient, customer: Account) -> None:
    headers = {"X-Session-ID": "wrong", "Origin": "https://evil.example"}

    response = client.post("/customer/login", json={"email": customer.email, "password": PASSWORD}, headers=headers)

    assert is_cross_site(response.status_code, response.get_json())


@pytest.mark.parametrize("headers", REFUSED)
def test_a_write_by_cookie_from_another_site_is_refused(
    browser: CheckingClient, customer: Account, headers: dict[str, str]
) -> None:
    writes = [
        browser.patch(customer.path, json={"full_name": "X"}, headers=headers),
        browser.delete(customer.path, headers=headers),
        browser.post("/api/customers", json={}, headers=headers),
        browser.post("/customers/logout", headers=headers),
        browser.post("/customer/logout", headers=headers),
    ]

    assert all(is_cross_site(response.status_code, response.get_json()) for response in writes)
    assert browser.get(customer.path).status_code == 200


def test_so_is_a_write_by_an_admins_cookie(app: Flask, admin: Account, customer: Account) -> None:
    browser = new_client(app)
    log_in(browser, admin.email, path="/admin/user/login")

    refused = browser.delete(customer.path, headers={"Origin": "https://evil.example"})
    logout = browser.post("/admin/user/logout", headers={"Origin": "https://evil.example"})

    assert is_cross_site(refused.status_code, refused.get_json())
    assert is_cross_site(logout.status_code, logout.get_json())


@pytest.mark.parametrize("headers", ALLOWED)
def test_the_own_site_and_programs_pass(browser: CheckingClient, customer: Account, headers: dict[str, str]) -> None:
    login = browser.post("/customer/login", json={"email": customer.email, "password": PASSWORD}, headers=headers)
    write = browser.patch(customer.path, json={"full_name": "X"}, headers=headers)

    assert (login.status_code, write.status_code) == (200, 200)


@pytest.mark.parametrize("headers", REFUSED)
def test_reads_and_requests_by_header_and_anonymous_registrations_are_exempt(
    app: Flask, browser: CheckingClient, customer: Account, headers: dict[str, str]
) -> None:
    read = browser.get(customer.path, headers=headers)
    by_header = browser.patch(customer.path, json={"full_name": "X"}, headers={**headers, **customer.headers})
    anonymous = new_client(app).post(
        "/api/customers",
        json={"email": "new@example.com", "password": PASSWORD, "full_name": "N"},
        headers=headers,
    )
    logout = new_client(app).post("/customers/logout", headers=headers)

    assert (read.status_code, by_header.status_code) == (200, 200)
    assert (anonymous.status_code, logout.status_code) == (201, 200)


def test_trusted_origins_pass_and_get_cors_answers_with_credentials(
    make_app: Callable[..., Flask], customer: Account
) -> None:
    browser = new_client(make_app(trusted_origins=frozenset({SHOP})))
    headers = {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}

    login = browser.post("/customer/login", json={"email": customer.email, "password": PASSWORD}, headers=headers)
    write = browser.patch(customer.path, json={"full_name": "X"}, headers=headers)
    refused = browser.patch(customer.path, json={}, headers=headers)
    preflight = browser.options(customer.path, headers={**headers, "Access-Control-Request-Method": "PATCH"})

    assert (login.status_code, write.status_code, refused.status_code) == (200, 200, 400)
    for response in (login, write, refused, preflight):
        assert response.headers["Access-Control-Allow-Origin"] == SHOP
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in response.headers["Vary"]
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"X-Session-ID", "Idempotency-Key", "If-Match", "If-None-Match", "Content-Type"} <= set(allowed)
    exposed = login.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Request-ID", "Retry-After", "ETag", "Location", "Idempotent-Replayed"} <= set(exposed)


def test_other_origins_get_no_cors_answers(make_app: Callable[..., Flask], client: CheckingClient) -> None:
    trusting = new_client(make_app(trusted_origins=frozenset({SHOP})))
    headers = {"Origin": "https://shop.example.evil", "Access-Control-Request-Method": "POST"}

    for response in (
        client.options("/api/customers", headers=headers),
        trusting.options("/api/customers", headers=headers),
    ):
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
