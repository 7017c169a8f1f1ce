"""Where requests come from: pages of other sites, origins that are trusted, and addresses behind proxies."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from tests.conftest import PASSWORD, Account, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, NEW
from tests.support.client import CheckingClient
from tests.support.database import Db

REFUSED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    *({"Origin": origin} for origin in (
        "https://evil.example", "http://localhost:8080", "null", "http://localhost.evil.example", "https://[::1",
        "localhost", "", "https://localhost:80")),
    {"Origin": "https://shop.example:8443", "Host": "shop.example"},
    {"Origin": "https://shop.example", "Host": "shop.example:80"},
]  # fmt: skip
ALLOWED = [
    {},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
    {"Origin": "http://localhost"},
    {"Origin": "https://LOCALHOST"},
    # A default port, written or not; and names that werkzeug takes for none.
    {"Origin": "https://shop.example", "Host": "shop.example:443"},
    {"Origin": "https://shop.example:443", "Host": "shop.example"},
    {"Origin": "http://shop.example", "Host": "Shop.example:80"},
    {"Origin": "http://shop_1.example:8080", "Host": "shop_1.example:8080"},
    {"Origin": "https://[2001:db8::1]", "Host": "[2001:db8::1]:443"},
]


def log_in(client: CheckingClient, email: str, headers: dict[str, str], path: str = "/customer/login") -> Any:
    return client.post(path, json={"email": email, "password": PASSWORD}, headers=headers)


def browser_of(app: Flask, account: Account) -> CheckingClient:
    """Return a browser in which an account is signed in, and which sends its cookie to every host."""
    browser = new_client(app, use_cookies=False)
    response = log_in(browser, account.email, {}, account.login)
    browser.environ_base["HTTP_COOKIE"] = response.headers["Set-Cookie"].partition(";")[0]
    return browser


def test_logins_and_writes_from_another_site_are_refused(
    app: Flask, client: CheckingClient, customer: Account, admin: Account
) -> None:
    browser, staff = browser_of(app, customer), browser_of(app, admin)
    before = data_of(browser.get(customer.path))

    for headers in REFUSED:
        # A header that names no session is no excuse.
        for path, more in (("/customer/login", {}), ("/admin/user/login", {"X-Session-ID": "wrong"})):
            response = log_in(client, customer.email, {**headers, **more}, path)
            refused(response, 403, "cross_site")
            assert "Set-Cookie" not in response.headers
        refused(browser.patch(customer.path, json={"full_name": "X"}, headers=headers), 403, "cross_site")
    for each, method, path in (
        (browser, "DELETE", customer.path), (browser, "POST", CUSTOMERS), (browser, "POST", "/customers/logout"),
        (browser, "POST", "/customer/logout"), (staff, "DELETE", customer.path), (staff, "POST", "/admin/user/logout"),
    ):  # fmt: skip
        refused(each.open(path, method=method, json={}, headers=REFUSED[0]), 403, "cross_site")
    assert data_of(browser.get(customer.path)) == data_of(staff.get(customer.path)) == before


def test_the_own_site_and_programs_pass_and_reads_and_requests_by_header_do(app: Flask, customer: Account) -> None:
    browser = browser_of(app, customer)

    for headers in ALLOWED:
        data_of(log_in(browser, customer.email, headers))
        data_of(browser.patch(customer.path, json={"full_name": "X"}, headers=headers))
    for number, headers in enumerate(REFUSED):
        data_of(browser.get(customer.path, headers=headers))
        data_of(browser.patch(customer.path, json={"full_name": "X"}, headers={**headers, **customer.headers}))
        # There is no session to misuse.
        data_of(new_client(app).post(CUSTOMERS, json={**NEW, "email": f"a{number}@example.com"}, headers=headers), 201)
        data_of(new_client(app).post("/customers/logout", headers=headers))


TRUSTED = frozenset({"https://shop.example", "http://shop.example:8080", "https://[2001:db8::1]"})


def test_trusted_origins_pass_and_get_cors_answers(app_with: Callable[..., Flask], customer: Account) -> None:
    browser = new_client(app_with(trusted_origins=TRUSTED))
    for origin in TRUSTED:
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}

        login = log_in(browser, customer.email, headers)
        write = browser.patch(customer.path, json={"full_name": "X"}, headers=headers)
        refusal = browser.patch(customer.path, json={}, headers=headers)
        too_large = browser.patch(customer.path, data=b" " * (2**20 + 1), headers=headers)
        asked = {**headers, "Access-Control-Request-Method": "PATCH"}
        preflight = browser.options(customer.path, headers=asked)
        nowhere = browser.options("/nowhere", headers=asked)  # what a page may then be told is a 404

        data_of(login)
        data_of(write)
        assert (preflight.status_code, nowhere.status_code) == (204, 204)
        for response in (login, write, refusal, too_large, preflight, nowhere):
            assert response.headers["Access-Control-Allow-Origin"] == origin
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
            assert "Origin" in response.headers["Vary"]
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert {
        *("X-Session-ID", "Idempotency-Key", "If-Match", "If-None-Match", "Content-Type"),
        *("traceparent", "tracestate", "baggage", "sentry-trace"),
    } <= set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
    exposed = login.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Request-ID", "Retry-After", "ETag", "Location", "Idempotent-Replayed"} <= set(exposed)


def test_other_origins_get_no_cors_answers(app_with: Callable[..., Flask], client: CheckingClient) -> None:
    trusting = new_client(app_with(trusted_origins=TRUSTED))
    for origin in ("https://shop.example.evil", "http://shop.example", "https://shop.example:444", "null"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for response in (client.options(CUSTOMERS, headers=headers), trusting.options(CUSTOMERS, headers=headers)):
            assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_the_clients_address_comes_from_trusted_proxies(
    app_with: Callable[..., Flask], customer: Account, db: Db
) -> None:
    for proxies, forwarded, ip in (
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (2, "198.51.100.1:80, [2001:db8::1]:443", "198.51.100.1"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", None),
    ):
        db.execute("DELETE FROM login_session")
        client = new_client(app_with(trusted_proxies=proxies))
        client.environ_base |= {"HTTP_X_FORWARDED_FOR": forwarded, "HTTP_USER_AGENT": "A browser"}

        data_of(log_in(client, customer.email, {}))

        assert db.one("SELECT host(ip) AS ip, user_agent FROM login_session") == {"ip": ip, "user_agent": "A browser"}
