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
LOGINS = {"customer": "/customer/login", "admin": "/admin/user/login"}
CUSTOMER_LOGOUTS = ["/customers/logout", "/customer/logout"]


@pytest.mark.parametrize("kind", LOGINS)
def test_login_answers_sid_and_cookie(client: CheckingClient, accounts: dict[str, Account], db: Db, kind: str) -> None:
    path = accounts["customer"].path
    db.execute("DELETE FROM login_session")

    sid = log_in(client, f"  {accounts[kind].email.upper()} ", path=LOGINS[kind])

    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", sid)
    data_of(client.get(path))
    assert sid_status(client, path, sid) == 200
    assert db.one("SELECT count(*) FROM login_session") == {"count": 1}
    assert "Set-Cookie" not in client.get(path).headers
    assert log_in(client, accounts[kind].email, path=LOGINS[kind]) != sid


@pytest.mark.parametrize("kind", LOGINS)
def test_a_refused_login_is_one_401(client: CheckingClient, accounts: dict[str, Account], db: Db, kind: str) -> None:
    other = {"customer": "admin", "admin": "customer"}[kind]
    attempts = {"nobody@example.com": [PASSWORD], accounts[other].email: [PASSWORD],
                accounts[kind].email: ["wrong password", "x" * 5000, "", PASSWORD.upper(), f" {PASSWORD}"]}  # fmt: skip
    bodies = [{"email": email, "password": each} for email, passwords in attempts.items() for each in passwords]
    answers = [client.post(LOGINS[kind], json=body) for body in bodies]
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")
    answers.append(client.post(LOGINS[kind], json={"email": accounts[kind].email, "password": PASSWORD}))

    for response in answers:
        refused(response, 401, "invalid_credentials")
        assert response.data == answers[0].data
        assert "Set-Cookie" not in response.headers


def test_the_database_never_holds_a_sid_and_no_row_after_the_logout(customer: Account, db: Db) -> None:
    row = db.one("SELECT digest, login_session::text AS everything FROM login_session")

    assert row["digest"] == hashlib.sha256(customer.sid.encode()).digest()
    assert customer.sid.replace("-", "") not in row["everything"].replace("-", "")
    done(customer.client.post("/customers/logout"))
    assert db.all("SELECT FROM login_session") == []


@pytest.mark.parametrize(("secure", "name"), [(False, "customers"), (True, "__Host-customers")])
def test_the_flags_of_the_cookie_and_that_it_lives_as_long_as_a_session(
    customer: Account, make_app: Make, secure: bool, name: str
) -> None:
    browser = new_client(make_app(cookie_secure=secure))
    response = browser.post("/customer/login", json={"email": customer.email, "password": PASSWORD})

    flags = {flag.strip() for flag in response.headers["Set-Cookie"].split(";")[1:]}
    lasting = {flag for flag in flags if flag.startswith(("Expires=", "Max-Age="))}
    assert flags - lasting == {"HttpOnly", "SameSite=Lax", "Path=/", *(["Secure"] if secure else [])}
    cookie = browser.get_cookie(name)
    assert cookie
    assert cookie.expires
    assert abs(cookie.expires.timestamp() - time.time() - Settings().customer_lifetime) < 60


def test_a_former_key_still_verifies_cookies(make_app: Make, customer: Account) -> None:
    cookie = browser_of(make_app(secret_key="o" * 32), customer).get_cookie("customers")
    assert cookie

    for former, status in ((("o" * 32,), 200), ((), 401)):
        browser = new_client(make_app(secret_key="n" * 32, former_secret_keys=former))
        browser.set_cookie("customers", cookie.value)
        assert browser.get(customer.path).status_code == status


def test_the_header_takes_the_sid_in_any_spelling_of_its_uuid(client: CheckingClient, customer: Account) -> None:
    for spelling in (customer.sid.upper(), customer.sid.replace("-", ""), customer.sid.replace("-", "").upper()):
        assert sid_status(client, ME, spelling) == 200
    done(client.post("/customers/logout", headers={"X-Session-ID": customer.sid.replace("-", "").upper()}))
    assert sid_status(client, ME, customer.sid) == 401


def test_the_header_wins_over_the_cookie(customer: Account, elsewhere: CheckingClient, other: Account) -> None:
    data_of(elsewhere.get(other.path, headers=other.headers))
    refused(elsewhere.get(customer.path, headers=other.headers), 403, "forbidden")


@pytest.mark.parametrize("header", ["", " ", "x", MISSING, "é", "a" * 4000, "{braces}", "null"])
def test_a_wrong_header_is_a_401_despite_a_cookie(customer: Account, elsewhere: CheckingClient, header: str) -> None:
    for call in (f"GET {customer.path}", f"PATCH {customer.path}", "POST /api/customers", "GET /session"):
        method, path = call.split()
        response = elsewhere.open(path, method=method, headers={"X-Session-ID": header}, json={})
        refused(response, 401, "not_authenticated")


@pytest.mark.parametrize("path", CUSTOMER_LOGOUTS)
def test_after_a_logout_a_replayed_cookie_or_sid_is_a_401_at_once_on_every_instance(
    make_app: Make, client: CheckingClient, customer: Account, path: str
) -> None:
    instance = new_client(make_app())
    sid = log_in(client, customer.email)
    cookie = client.get_cookie("customers")
    assert cookie
    instance.set_cookie("customers", cookie.value)
    data_of(instance.get(customer.path))

    done(client.post(path))

    refused(instance.get(customer.path), 401, "not_authenticated")
    assert sid_status(instance, customer.path, sid) == 401
    assert client.get_cookie("customers") is None
    data_of(customer.client.get(customer.path))  # another session of the account


def test_a_logout_by_header_leaves_another_sessions_cookie_alone(customer: Account, elsewhere: CheckingClient) -> None:
    done(elsewhere.post("/customers/logout", headers=customer.headers))

    data_of(elsewhere.get(customer.path))
    refused(customer.client.get(customer.path), 401, "not_authenticated")


@pytest.mark.parametrize("path", [*CUSTOMER_LOGOUTS, "/admin/user/logout"])
def test_a_logout_of_nobody_ends_nothing(client: CheckingClient, customer: Account, admin: Account, path: str) -> None:
    other = customer if path.startswith("/admin") else admin

    done(client.post(path))
    done(client.post(path, headers={"X-Session-ID": "gone"}))
    done(other.client.post(path))

    data_of(customer.client.get(ME))
    data_of(admin.client.get("/api/customers"))


WHO = ("X-Customer-UUID", "X-Customer-Group", "X-Admin-UUID")
ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
NOBODY = (401, (None, None, None))


def who(client: CheckingClient, method: str = "GET", **headers: str) -> tuple[int, tuple[str | None, ...]]:
    """Return the status, and what the answer says of the customer, the group and the admin."""
    response = client.open("/session", method=method, headers=headers)
    return response.status_code, tuple(response.headers.get(name) for name in WHO)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_session_names_who_is_signed_in(app: Flask, customer: Account, admin: Account, method: str) -> None:
    assert who(customer.client, method) == who(browser_of(app, customer), method) == (204, (customer.uuid, "1", None))
    assert who(admin.client, method) == (204, (None, None, admin.uuid))
    assert who(browser_of(app, customer, admin), method) == (204, (customer.uuid, "1", admin.uuid))
    assert who(new_client(app), method) == NOBODY
    assert who(new_client(app), method, **{"X-Customer-UUID": customer.uuid}) == NOBODY


def test_get_session_names_the_group_of_now(customer: Account, db: Db, group: dict[str, Any]) -> None:
    number = group["customer_group_id"]

    for stored, told in ((number, str(number)), (None, "1")):
        db.execute("UPDATE customer SET group_id = %s", stored)
        assert who(customer.client) == (204, (customer.uuid, told, None))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "get", "NONSENSE"])
def test_get_session_refuses_writes_by_cookie_from_other_sites(elsewhere: CheckingClient, method: str) -> None:
    for sent in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://x.y"}):
        response = elsewhere.get("/session", headers={"X-Original-Method": method, **sent})

        refused(response, 403, "cross_site")
        assert not set(WHO) & set(response.headers.keys())


def test_get_session_passes_other_reads_and_writes(make_app: Make, customer: Account) -> None:
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
