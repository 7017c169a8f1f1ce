"""Oneself: me, one's own password, one's own sessions (CONTRACT section 6)."""

import hashlib
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, PASSWORD, Account, log_in, new_client
from tests.support.database import Db
from tests.test_ownership import customer_routes

NEW_PASSWORD = "staple correct horse"
CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
ME = "/api/customers/me"
SESSIONS = f"{ME}/sessions"
MISSING = str(uuid.UUID(int=1))
AGE = "UPDATE login_session SET created_at = now() - interval '1 day'"


@pytest.fixture
def elsewhere(app: Flask, customer: Account) -> CheckingClient:
    """Return another browser of the customer."""
    browser = new_client(app)
    log_in(browser, customer.email)
    return browser


@pytest.fixture
def both(elsewhere: CheckingClient, admin: Account) -> CheckingClient:
    """Return a browser in which a customer and an admin are signed in."""
    log_in(elsewhere, admin.email, path="/admin/user/login")
    return elsewhere


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


def session_of(client: CheckingClient) -> str:
    """Return the public uuid of a client's session."""
    (current,) = [one["uuid"] for one in client.get(SESSIONS).get_json()["data"] if one["current"]]
    return str(current)


# ---------------------------------------------------------------- me


def test_me_stands_for_ones_own_uuid_in_every_path(app: Flask, make_customer: Callable[..., Account]) -> None:
    """For each route a customer by me and another by uuid: but for ids and times, their answers are the same."""
    bodies = {"POST": ADDRESS, "PATCH": {"full_name": "Changed"}}
    for method, rule in (route for route in customer_routes(app) if not route[1].endswith("/audit")):  # the staff's
        answers = []
        for by_me in (True, False):
            account = make_customer()
            address = account.client.post(f"{account.path}/addresses", json=ADDRESS).get_json()["data"]["uuid"]
            path = rule.replace("<customer:uuid>", "me" if by_me else account.uuid).replace(
                "<uuid:address_uuid>", address
            )
            path = path.replace("<uuid:session_uuid>", session_of(account.client))
            response = account.client.open(path, method=method, json=bodies.get(method))
            own = [response.text, str(response.headers.get("Location"))]
            answers.append((response.status_code, *(general(text, account) for text in own)))
        assert answers[0] == answers[1], (method, rule)
        assert answers[0][0] in (200, 201), (method, rule)


def general(text: str, account: Account) -> str:
    """Return a text without what differs between two accounts; its owner's uuid and address stay recognizable."""
    text = text.replace(account.uuid, "OWN").replace(account.email, "EMAIL")
    text = re.sub(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", "UUID", text)
    text = re.sub(r'"request_id":"[0-9a-f]{32}"', '"request_id":"ID"', text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    return re.sub(r'_id": ?\d+', '_id": N', text)


@pytest.mark.parametrize("path", [ME, f"{ME}/addresses", SESSIONS])
def test_me_is_for_customers(app: Flask, admin: Account, path: str) -> None:
    assert code(new_client(app).get(path)) == (401, "not_authenticated")
    assert code(admin.client.get(path)) == (403, "forbidden")


@pytest.mark.parametrize("junk", ["ME", "Me", "me ", "mee", "me%00"])
def test_only_me_is_me(customer: Account, junk: str) -> None:
    assert customer.client.get(f"/api/customers/{junk}").status_code == 404


def test_with_an_admin_in_the_same_browser_me_is_the_customer_without_an_admins_powers(
    both: CheckingClient, customer: Account, db: Db
) -> None:
    db.execute(AGE)

    assert both.get(ME).get_json()["data"]["uuid"] == customer.uuid
    assert code(both.patch(ME, json={"status": 1})) == (403, "status_forbidden")
    assert code(both.patch(ME, json={"email": "new@example.com"})) == code(both.delete(ME)) == (403, "login_again")
    assert both.patch(customer.path, json={"status": 1}).status_code == 200


# ---------------------------------------------------------------- the password


def test_a_change_of_password_ends_the_other_sessions_and_the_old_password(
    app: Flask, customer: Account, elsewhere: CheckingClient, make_customer: Callable[..., Account]
) -> None:
    bystander = make_customer()

    response = customer.client.post(f"{ME}/password", json=CHANGE)

    assert (response.status_code, response.get_json()) == (200, {"data": {}})
    assert customer.client.get(ME).status_code == bystander.client.get(ME).status_code == 200
    assert elsewhere.get(ME).status_code == 401
    refused = new_client(app).post("/customer/login", json={"email": customer.email, "password": PASSWORD})
    assert refused.status_code == 401
    log_in(new_client(app), customer.email, NEW_PASSWORD)


def test_by_cookie_the_current_session_lives_on_too(both: CheckingClient, customer: Account) -> None:
    response = both.post(f"{ME}/password", json=CHANGE)

    assert response.status_code == both.get(ME).status_code == both.get("/api/customers").status_code == 200
    assert customer.client.get(ME).status_code == 401


def test_it_needs_no_recent_login(customer: Account, db: Db) -> None:
    db.execute(AGE)

    assert customer.client.post(f"{ME}/password", json=CHANGE).status_code == 200
    assert code(customer.client.patch(ME, json={"password": "yet another one"})) == (403, "login_again")


@pytest.mark.parametrize("current", ["wrong password", "", PASSWORD.upper(), f" {PASSWORD}", "x" * 5000])
def test_a_wrong_current_password_is_a_403_and_changes_nothing(
    app: Flask, customer: Account, elsewhere: CheckingClient, db: Db, current: str
) -> None:
    token(db, customer.email)

    response = customer.client.post(f"{ME}/password", json={**CHANGE, "current_password": current})

    assert code(response) == (403, "wrong_password")
    assert elsewhere.get(ME).status_code == 200
    assert db.one("SELECT count(*) FROM reset_password_token")["count"] == 1
    log_in(new_client(app), customer.email)


BAD_PASSWORDS: list[Any] = ["7 chars", "password1", "x" * 73, "a\u0000" * 5, None]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        *[({**CHANGE, "password": new}, {"password"}) for new in BAD_PASSWORDS],
        ({**CHANGE, "current_password": None}, {"current_password"}),
        ({**CHANGE, "current_password": "\ud800"}, {"current_password"}),
        ({}, {"current_password", "password"}),
    ],
)
def test_a_bad_new_password_or_none_is_a_400_that_names_it(
    customer: Account, elsewhere: CheckingClient, body: dict[str, Any], named: set[str]
) -> None:
    response = customer.client.post(f"{ME}/password", json=body)

    assert code(response) == (400, "invalid_input")
    assert set(response.get_json()["error"]["errors"]) == named
    assert elsewhere.get(ME).status_code == 200


def token(db: Db, email: str) -> str:
    """Store a customer's reset token; return its secret."""
    secret = f"the secret of {email}"
    db.execute(
        "INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, %s FROM customer WHERE email = %s",
        hashlib.sha256(secret.encode()).hexdigest(),
        email,
    )
    return secret


def test_a_change_of_password_kills_the_customers_reset_tokens(
    client: CheckingClient, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    own, anothers = token(db, customer.email), token(db, make_customer().email)

    customer.client.post(f"{ME}/password", json=CHANGE)

    for secret, status in ((own, 400), (anothers, 200)):
        answer = client.post("/api/customers/password", json={"token": secret, "password": "set by the mail"})
        assert answer.status_code == status


# ---------------------------------------------------------------- sessions


def test_ones_own_sessions_are_listed_and_never_a_sid(customer: Account, elsewhere: CheckingClient, db: Db) -> None:
    sid = log_in(elsewhere, customer.email)
    db.execute("UPDATE login_session SET expires_at = '2099-01-31 23:30:00.9-05', user_agent = 'Browser'")

    response = customer.client.get(SESSIONS)

    found = response.get_json()["data"]
    assert len(found) == 3
    for one in found:
        assert list(one) == ["uuid", "created_at", "last_seen_at", "expires_at", "ip", "user_agent", "current"]
        assert (one["expires_at"], one["ip"], one["user_agent"]) == ("2099-02-01 04:30:00", "127.0.0.1", "Browser")
        assert one["created_at"] == one["last_seen_at"] > "2026"
    assert not [sid for sid in (sid, customer.sid) if sid in response.text or sid.replace("-", "") in response.text]


def test_the_current_one_is_the_callers_and_what_has_ended_is_not_listed(
    customer: Account, elsewhere: CheckingClient, db: Db
) -> None:
    assert session_of(customer.client) != session_of(elsewhere)

    db.execute("UPDATE login_session SET expires_at = now() WHERE uuid = %s", session_of(elsewhere))

    assert [one["current"] for one in customer.client.get(SESSIONS).get_json()["data"]] == [True]


def test_ending_one_session_ends_it_and_no_other(customer: Account, elsewhere: CheckingClient) -> None:
    path = f"{SESSIONS}/{session_of(elsewhere)}"

    response = customer.client.delete(path)

    assert (response.status_code, response.get_json()) == (200, {"data": {}})
    assert elsewhere.get(ME).status_code == 401
    assert code(customer.client.delete(path)) == (404, "session_not_found")
    assert customer.client.delete(f"{SESSIONS}/{session_of(customer.client)}").status_code == 200
    assert customer.client.get(ME).status_code == 401


def test_a_session_that_is_unknown_or_anothers_is_a_404(customer: Account, make_customer: Any) -> None:
    other = make_customer()

    for name in (session_of(other.client), MISSING, customer.sid, "1"):
        assert customer.client.delete(f"{SESSIONS}/{name}").status_code == 404
    assert other.client.get(ME).status_code == customer.client.get(ME).status_code == 200


def test_ending_the_others_keeps_the_current_one(
    customer: Account, elsewhere: CheckingClient, make_customer: Any
) -> None:
    bystander = make_customer().client

    response = elsewhere.delete(SESSIONS)

    assert (response.status_code, response.get_json()) == (200, {"data": {}})
    assert [client.get(ME).status_code for client in (elsewhere, bystander, customer.client)] == [200, 200, 401]
