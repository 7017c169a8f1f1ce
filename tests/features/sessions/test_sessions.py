"""Signing in and out: the sid, the cookie, the header, and `GET /session` for a proxy."""

import hashlib
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from customers.config import Settings
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, MISSING, browser_of, sid_status
from tests.support.client import CheckingClient
from tests.support.database import Db

Make = Callable[..., Flask]
CUSTOMER_LOGOUTS = ["/customers/logout", "/customer/logout"]


@pytest.mark.parametrize("kind", ["customer", "admin"])
def test_login_answers_sid_and_cookie_and_stores_neither(
    client: CheckingClient, accounts: dict[str, Account], db: Db, kind: str
) -> None:
    path, account = accounts["customer"].path, accounts[kind]
    db.execute("DELETE FROM login_session")

    sid = log_in(client, f"  {account.email.upper()} ", path=account.login)

    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", sid)
    data_of(client.get(path))
    assert sid_status(client, path, sid) == 200
    row = db.one("SELECT digest, login_session::text AS everything FROM login_session")
    assert row["digest"] == hashlib.sha256(sid.encode()).digest()
    assert sid.replace("-", "") not in row["everything"].replace("-", "")
    assert "Set-Cookie" not in client.get(path).headers
    assert log_in(client, account.email, path=account.login) != sid


def test_a_refused_login_is_one_401(client: CheckingClient, customer: Account, admin: Account, db: Db) -> None:
    answers = []
    for account, other in ((customer, admin), (admin, customer)):
        tried = [(account.email, each) for each in ("wrong password", "x" * 5000, "", PASSWORD.upper(), f" {PASSWORD}")]
        for email, password in (("nobody@example.com", PASSWORD), (other.email, PASSWORD), *tried):
            answers.append(client.post(account.login, json={"email": email, "password": password}))
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")
    answers += [client.post(each.login, json={"email": each.email, "password": PASSWORD}) for each in (customer, admin)]

    for response in answers:
        refused(response, 401, "invalid_credentials")
        assert response.data == answers[0].data
        assert "Set-Cookie" not in response.headers


def test_the_cookie_has_flags_and_lives_like_a_session(customer: Account, make_app: Make) -> None:
    for secure, name in ((False, "customers"), (True, "__Host-customers")):
        browser = new_client(make_app(cookie_secure=secure))
        response = browser.post("/customer/login", json={"email": customer.email, "password": PASSWORD})

        flags = {flag.strip() for flag in response.headers["Set-Cookie"].split(";")[1:]}
        lasting = {flag for flag in flags if flag.startswith(("Expires=", "Max-Age="))}
        assert flags - lasting == {"HttpOnly", "SameSite=Lax", "Path=/", *(["Secure"] if secure else [])}
        cookie = browser.get_cookie(name)
        assert cookie
        assert cookie.expires
        assert abs(cookie.expires.timestamp() - time.time() - Settings().customer_lifetime) < 60


def test_the_header_wins_over_the_cookie(customer: Account, elsewhere: CheckingClient, other: Account) -> None:
    for spelling in (other.sid, other.sid.upper(), other.sid.replace("-", "").upper()):
        assert sid_status(elsewhere, other.path, spelling) == 200
    refused(elsewhere.get(customer.path, headers=other.headers), 403, "forbidden")
    for header in ("", " ", "x", MISSING, "é", "a" * 4000, "null"):
        for call in (f"GET {customer.path}", f"PATCH {customer.path}", "POST /api/customers", "GET /session"):
            method, path = call.split()
            response = elsewhere.open(path, method=method, headers={"X-Session-ID": header}, json={})
            refused(response, 401, "not_authenticated")


@pytest.mark.parametrize("path", CUSTOMER_LOGOUTS)
def test_after_a_logout_a_replayed_cookie_or_sid_is_a_401_at_once_on_every_instance(
    make_app: Make, client: CheckingClient, customer: Account, db: Db, path: str
) -> None:
    instance = new_client(make_app())
    sid = log_in(client, customer.email)
    cookie = client.get_cookie("customers")
    assert cookie
    instance.set_cookie("customers", cookie.value)
    data_of(instance.get(customer.path))

    done(client.post(path))

    assert len(db.all("SELECT FROM login_session")) == 1  # another one of the account
    refused(instance.get(customer.path), 401, "not_authenticated")
    assert sid_status(instance, customer.path, sid) == 401
    assert client.get_cookie("customers") is None


def test_a_logout_ends_no_other_session(customer: Account, elsewhere: CheckingClient, admin: Account) -> None:
    for path, other in (*((path, admin) for path in CUSTOMER_LOGOUTS), ("/admin/user/logout", customer)):
        done(new_client(elsewhere.application).post(path))
        done(elsewhere.post(path, headers={"X-Session-ID": "gone"}))
        done(other.client.post(path))
    data_of(customer.client.get(ME))
    data_of(admin.client.get("/api/customers"))

    done(elsewhere.post("/customers/logout", headers={"X-Session-ID": customer.sid.replace("-", "").upper()}))
    refused(customer.client.get(ME), 401, "not_authenticated")
    data_of(elsewhere.get(ME))


WHO = ("X-Customer-UUID", "X-Customer-Group", "X-Admin-UUID")


def who(client: CheckingClient, method: str = "GET", **headers: str) -> tuple[int, tuple[str | None, ...]]:
    """Return the status, and what the answer says of the customer, the group and the admin."""
    response = client.open("/session", method=method, headers=headers)
    return response.status_code, tuple(response.headers.get(name) for name in WHO)


def test_get_session_names_who_is_signed_in(
    app: Flask, customer: Account, admin: Account, db: Db, group: dict[str, Any]
) -> None:
    for method in ("GET", "HEAD"):
        own = (204, (customer.uuid, "1", None))
        assert who(customer.client, method) == who(browser_of(app, customer), method) == own
        assert who(admin.client, method) == (204, (None, None, admin.uuid))
        assert who(browser_of(app, customer, admin), method) == (204, (customer.uuid, "1", admin.uuid))
        assert who(new_client(app), method, **{"X-Customer-UUID": customer.uuid}) == (401, (None, None, None))
    for stored, told in ((group["customer_group_id"], str(group["customer_group_id"])), (None, "1")):
        db.execute("UPDATE customer SET group_id = %s", stored)
        assert who(customer.client) == (204, (customer.uuid, told, None))


def test_get_session_refuses_writes_by_cookie_from_other_sites(customer: Account, elsewhere: CheckingClient) -> None:
    sites = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"})
    for sent in sites:
        for method in ("POST", "PUT", "PATCH", "DELETE", "post", "get", "NONSENSE"):
            response = elsewhere.get("/session", headers={"X-Original-Method": method, **sent})
            refused(response, 403, "cross_site")
            assert not set(WHO) & set(response.headers.keys())
        for client, method in ((elsewhere, "GET"), (elsewhere, "HEAD"), (customer.client, "DELETE")):
            assert who(client, **{"X-Original-Method": method}, **sent)[0] == 204
    assert who(elsewhere, **{"X-Original-Method": "POST", "Origin": "http://localhost"})[0] == 204
