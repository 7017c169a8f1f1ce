"""Sessions: logins, logouts, lifetimes, the cookie and the header (CONTRACT section 2)."""

import base64
import hashlib
import re
import time
from collections.abc import Callable

import pytest
from flask import Flask

from customers import config
from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.database import Db

LOGINS = [("/customer/login", "customer"), ("/admin/user/login", "admin")]


@pytest.mark.parametrize(("path", "kind"), LOGINS)
def test_a_login_answers_a_uuid_and_sets_a_cookie_that_names_the_same_session(
    app: Flask, accounts: dict[str, Account], path: str, kind: str
) -> None:
    browser = new_client(app)

    response = browser.post(path, json={"email": accounts[kind].email, "password": PASSWORD})

    sid = response.get_json()["data"]["sid"]
    assert response.get_json() == {"data": {"sid": sid}}
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", sid)
    target = accounts["customer"].path
    by_cookie = browser.get(target).status_code if kind == "admin" else browser.get("/api/customers").status_code
    by_header = new_client(app).get(target, headers={"X-Session-ID": sid}).status_code
    assert by_cookie == (200 if kind == "admin" else 403)
    assert by_header == 200


def test_the_cookie_is_for_http_only_lax_for_every_path_and_secure_unless_told_otherwise(
    customer: Account, make_app: Callable[..., Flask]
) -> None:
    login = {"email": customer.email, "password": PASSWORD}
    plain = new_client(make_app(cookie_secure=False)).post("/customer/login", json=login)
    secure = new_client(make_app(cookie_secure=None)).post("/customer/login", json=login)

    for response in (plain, secure):
        flags = {flag.strip() for flag in response.headers["Set-Cookie"].split(";")}
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= flags
        assert not any(flag.startswith("Domain") for flag in flags)
    assert "Secure" not in plain.headers["Set-Cookie"]
    assert "; Secure" in secure.headers["Set-Cookie"]
    assert secure.headers["Set-Cookie"].startswith("__Host-")


def test_the_sid_cannot_be_read_from_the_cookie_as_text(customer: Account, client: CheckingClient) -> None:
    response = client.post("/customer/login", json={"email": customer.email, "password": PASSWORD})

    sid = response.get_json()["data"]["sid"]
    value = response.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    decoded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in value.split(".")]
    for text in [value, *(part.decode("latin-1") for part in decoded)]:
        assert sid not in text
        assert sid.replace("-", "") not in text


def test_the_database_never_holds_a_sid(customer: Account, db: Db) -> None:
    row = db.one("SELECT *, login_session::text AS everything FROM login_session")

    assert row["digest"] == hashlib.sha256(customer.sid.encode()).digest()
    assert customer.sid not in row["everything"]
    assert customer.sid.replace("-", "") not in row["everything"]


def test_the_header_wins_over_the_cookie(app: Flask, make_customer: Callable[..., Account]) -> None:
    by_cookie, by_header = make_customer(), make_customer()
    browser = new_client(app)
    log_in(browser, by_cookie.email)

    assert browser.get(by_header.path, headers=by_header.headers).status_code == 200
    assert browser.get(by_cookie.path, headers=by_header.headers).status_code == 403


@pytest.mark.parametrize(
    "header", ["", " ", "x", "00000000-0000-4000-8000-000000000000", "é", "a" * 4000, "{braces}", "null"]
)
def test_a_wrong_header_is_a_401_and_never_falls_back_to_the_cookie(app: Flask, customer: Account, header: str) -> None:
    browser = new_client(app)
    log_in(browser, customer.email)

    for method, path in (("GET", customer.path), ("PATCH", customer.path), ("POST", "/api/customers")):
        assert browser.open(path, method=method, headers={"X-Session-ID": header}, json={}).status_code == 401


def test_a_cookie_that_was_tampered_with_counts_for_nothing(app: Flask, customer: Account) -> None:
    browser = new_client(app)
    log_in(browser, customer.email)
    cookie = browser.get_cookie("customers")
    assert cookie
    payload, timestamp, signature = cookie.value.split(".")
    other = "A" if signature[5] != "A" else "B"
    browser.set_cookie("customers", ".".join([payload, timestamp, signature[:5] + other + signature[6:]]))

    assert browser.get(customer.path).status_code == 401


@pytest.mark.parametrize("path", ["/customers/logout", "/customer/logout"])
def test_after_logout_a_replayed_cookie_or_sid_is_a_401_at_once(
    make_app: Callable[..., Flask], app: Flask, customer: Account, db: Db, path: str
) -> None:
    browser, elsewhere = new_client(app), new_client(make_app())
    sid = log_in(browser, customer.email)
    cookie = browser.get_cookie("customers")
    assert cookie
    elsewhere.set_cookie("customers", cookie.value)
    before = elsewhere.get(customer.path).status_code

    response = browser.post(path)

    assert (response.status_code, response.get_json()) == (200, {"data": {}})
    assert before == 200
    assert elsewhere.get(customer.path).status_code == 401
    assert new_client(app).get(customer.path, headers={"X-Session-ID": sid}).status_code == 401
    assert browser.get_cookie("customers") is None
    assert db.all("SELECT FROM login_session WHERE digest = %s", hashlib.sha256(sid.encode()).digest()) == []


def test_logout_by_header_ends_that_session_and_no_other(customer: Account, app: Flask) -> None:
    other = log_in(new_client(app), customer.email)

    customer.client.post("/customers/logout")

    assert customer.client.get(customer.path).status_code == 401
    assert new_client(app).get(customer.path, headers={"X-Session-ID": other}).status_code == 200


def test_logout_by_header_leaves_another_sessions_cookie_alone(customer: Account, app: Flask) -> None:
    browser = new_client(app)
    log_in(browser, customer.email)

    browser.post("/customers/logout", headers=customer.headers)

    assert browser.get(customer.path).status_code == 200
    assert customer.client.get(customer.path).status_code == 401


def test_only_a_login_or_logout_sets_the_cookie(customer: Account, app: Flask) -> None:
    browser = new_client(app)
    log_in(browser, customer.email)

    assert "Set-Cookie" not in browser.get(customer.path).headers


@pytest.mark.parametrize("path", ["/customers/logout", "/customer/logout", "/admin/user/logout"])
def test_logout_without_a_session_ends_nothing_and_is_a_200(
    client: CheckingClient, customer: Account, admin: Account, path: str
) -> None:
    response = client.post(path)
    again = client.post(path, headers={"X-Session-ID": "gone"})

    assert response.status_code == again.status_code == 200
    assert customer.client.get(customer.path).status_code == 200
    assert admin.client.get("/api/customers").status_code == 200


def test_a_logout_does_not_end_the_other_kind_of_session(customer: Account, admin: Account) -> None:
    admin.client.post("/customers/logout")
    customer.client.post("/admin/user/logout")

    assert admin.client.get("/api/customers").status_code == 200
    assert customer.client.get(customer.path).status_code == 200


def test_a_login_always_makes_a_new_sid(app: Flask, customer: Account) -> None:
    browser = new_client(app)

    sids = {log_in(browser, customer.email) for _ in range(3)}

    assert len(sids | {customer.sid}) == 4


@pytest.mark.parametrize(("path", "kind"), LOGINS)
def test_a_login_finds_the_account_whatever_the_addresss_case(
    client: CheckingClient, accounts: dict[str, Account], path: str, kind: str
) -> None:
    log_in(client, f"  {accounts[kind].email.upper()} ", path=path)


@pytest.mark.parametrize(("path", "kind"), LOGINS)
def test_a_refused_login_is_one_401_with_one_message(
    client: CheckingClient, accounts: dict[str, Account], db: Db, path: str, kind: str
) -> None:
    email = accounts[kind].email
    unknown = client.post(path, json={"email": "nobody@example.com", "password": PASSWORD})
    wrong = client.post(path, json={"email": email, "password": "wrong password"})
    too_long = client.post(path, json={"email": email, "password": "x" * 5000})
    empty = client.post(path, json={"email": email, "password": ""})
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")
    disabled = client.post(path, json={"email": email, "password": PASSWORD})

    for response in (unknown, wrong, too_long, empty, disabled):
        assert response.status_code == 401
        assert response.get_json() == unknown.get_json()
        assert "Set-Cookie" not in response.headers
    assert unknown.get_json()["error"]["code"] == "invalid_credentials"


def test_accounts_of_one_kind_do_not_sign_in_as_the_other(client: CheckingClient, accounts: dict[str, Account]) -> None:
    for path, kind in (("/customer/login", "admin"), ("/admin/user/login", "customer")):
        assert client.post(path, json={"email": accounts[kind].email, "password": PASSWORD}).status_code == 401


# ---------------------------------------------------------------- keys


def test_a_former_key_still_verifies_cookies_and_an_unknown_one_does_not(
    make_app: Callable[..., Flask], customer: Account
) -> None:
    old = new_client(make_app(secret_key="o" * 32))
    log_in(old, customer.email)
    cookie = old.get_cookie("customers")
    assert cookie
    rotated = new_client(make_app(secret_key="n" * 32, former_secret_keys=("o" * 32,)))
    foreign = new_client(make_app(secret_key="n" * 32))
    for client in (rotated, foreign):
        client.set_cookie("customers", cookie.value)

    assert rotated.get(customer.path).status_code == 200
    assert foreign.get(customer.path).status_code == 401


def test_a_cookie_is_kept_for_as_long_as_a_session_can_last(customer: Account, client: CheckingClient) -> None:
    client.post("/customer/login", json={"email": customer.email, "password": PASSWORD})

    cookie = client.get_cookie("customers")

    assert cookie
    assert cookie.expires
    assert abs(cookie.expires.timestamp() - time.time() - config.Settings().customer_lifetime) < 60
