"""How long a session lives, what ends it, and what needs a recent login (CONTRACT section 2)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.database import Db

# ---------------------------------------------------------------- lifetimes

LIFETIMES = [
    ("customer", "last_seen_at = now() - interval '23 h 58 min', expires_at = now() + interval '1 min'", 200),
    ("customer", "expires_at = now() - interval '1 s'", 401),
    ("admin", "expires_at = now() + interval '1 min'", 200),
    ("admin", "expires_at = now() - interval '1 s'", 401),
]


@pytest.mark.parametrize(("kind", "age", "status"), LIFETIMES)
def test_a_session_ends_when_its_time_is_over(
    accounts: dict[str, Account], db: Db, kind: str, age: str, status: int
) -> None:
    db.execute(f"UPDATE login_session SET {age}")
    path = accounts["customer"].path

    assert accounts[kind].client.get(path).status_code == status


@pytest.mark.parametrize(("kind", "idle", "lifetime"), [("customer", "24 h", "30 days"), ("admin", "1 h", "12 h")])
def test_lifetimes_are_idle_and_in_all(
    accounts: dict[str, Account], db: Db, kind: str, idle: str, lifetime: str
) -> None:
    """A session not near its absolute end lives for the idle time after its use; one that is, ends there."""
    owner = "customer_id" if kind == "customer" else "admin_user_id"
    left = f"SELECT expires_at - now() AS left FROM login_session WHERE {owner} IS NOT NULL"
    at_login = db.one(left)["left"]
    db.execute(
        "UPDATE login_session SET last_seen_at = now() - interval '2 min', expires_at = now() + interval '1 min'"
    )
    accounts[kind].client.get(accounts["customer"].path)
    after_use = db.one(left)["left"]

    db.execute(
        "UPDATE login_session SET last_seen_at = now() - interval '2 min', expires_at = now() + interval '1 min',"
        f" created_at = now() - interval '{lifetime}' + interval '3 min'"
    )
    accounts[kind].client.get(accounts["customer"].path)
    near_the_end = db.one(left)["left"]

    minute = 60
    idle_seconds = db.one(f"SELECT extract(epoch FROM interval '{idle}') AS s")["s"]
    assert idle_seconds - minute < at_login.total_seconds() <= idle_seconds
    assert idle_seconds - minute < after_use.total_seconds() <= idle_seconds
    assert 2 * minute < near_the_end.total_seconds() <= 3 * minute


def test_idle_time_is_extended_at_most_once_a_minute(customer: Account, db: Db) -> None:
    seen = "SELECT last_seen_at, expires_at, xmin FROM login_session"
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '59 s'")
    before = db.one(seen)

    for _ in range(3):
        customer.client.get(customer.path)

    assert db.one(seen) == before
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '61 s'")
    customer.client.get(customer.path)
    assert db.one(seen)["last_seen_at"] > before["last_seen_at"]


def test_lifetimes_are_settings(make_app: Callable[..., Flask], customer: Account, db: Db) -> None:
    db.execute("DELETE FROM login_session")
    log_in(new_client(make_app(customer_idle=600)), customer.email)
    idle = db.one("SELECT expires_at - now() AS left FROM login_session")["left"].total_seconds()
    db.execute("DELETE FROM login_session")
    log_in(new_client(make_app(customer_lifetime=300)), customer.email)
    in_all = db.one("SELECT expires_at - now() AS left FROM login_session")["left"].total_seconds()

    assert 590 < idle <= 600
    assert 290 < in_all <= 300


# ---------------------------------------------------------------- what ends sessions


def test_a_session_dies_with_its_account(customer: Account, admin: Account, db: Db) -> None:
    admin.client.delete(customer.path)

    assert customer.client.get(customer.path).status_code == 401


def test_a_session_dies_with_deactivation_and_does_not_rise_again(customer: Account, admin: Account) -> None:
    admin.client.patch(customer.path, json={"status": 0})
    disabled = customer.client.get(customer.path).status_code
    admin.client.patch(customer.path, json={"status": 1})

    assert disabled == 401
    assert customer.client.get(customer.path).status_code == 401


def test_a_session_counts_for_nothing_while_another_program_has_disabled_the_account(
    accounts: dict[str, Account], db: Db
) -> None:
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")

    assert accounts["customer"].client.get(accounts["customer"].path).status_code == 401
    assert accounts["admin"].client.get("/api/customers").status_code == 401


def test_a_password_change_ends_the_other_sessions_and_leaves_its_own(app: Flask, customer: Account) -> None:
    other = log_in(new_client(app), customer.email)

    changed = customer.client.patch(customer.path, json={"password": "a new long password"})

    assert changed.status_code == 200
    assert customer.client.get(customer.path).status_code == 200
    assert new_client(app).get(customer.path, headers={"X-Session-ID": other}).status_code == 401
    log_in(new_client(app), customer.email, "a new long password")


def test_a_password_changed_by_an_admin_ends_all_sessions(customer: Account, admin: Account) -> None:
    admin.client.patch(customer.path, json={"password": "a new long password"})

    assert customer.client.get(customer.path).status_code == 401
    assert admin.client.get(customer.path).status_code == 200


def test_other_changes_end_no_session(app: Flask, customer: Account) -> None:
    other = log_in(new_client(app), customer.email)

    customer.client.patch(customer.path, json={"email": "new@example.com", "full_name": "New"})

    assert new_client(app).get(customer.path, headers={"X-Session-ID": other}).status_code == 200


# ---------------------------------------------------------------- recent login

SENSITIVE: list[tuple[str, dict[str, str] | None]] = [
    ("PATCH", {"email": "new@example.com"}),
    ("PATCH", {"password": "a new long password"}),
    ("DELETE", None),
]


@pytest.mark.parametrize(("method", "body"), SENSITIVE)
def test_a_sensitive_change_needs_a_recent_login(
    customer: Account, db: Db, method: str, body: dict[str, str] | None
) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '15 min 1 s'")

    response = customer.client.open(customer.path, method=method, json=body)

    assert (response.status_code, response.get_json()["error"]["code"]) == (403, "login_again")
    assert db.one("SELECT email FROM customer")["email"] == customer.email


@pytest.mark.parametrize(("method", "body"), SENSITIVE)
def test_a_login_of_14_minutes_ago_is_recent(
    customer: Account, db: Db, method: str, body: dict[str, str] | None
) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '14 min 50 s'")

    assert customer.client.open(customer.path, method=method, json=body).status_code == 200


def test_other_changes_need_none_nor_does_an_address_sent_along_unchanged(customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '1 h'")

    response = customer.client.patch(customer.path, json={"full_name": "New", "email": customer.email})

    assert response.status_code == 200


def test_an_admin_needs_none(customer: Account, admin: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '10 h'")

    changed = admin.client.patch(customer.path, json={"email": "new@example.com", "password": "a new long password"})

    assert changed.status_code == 200
    assert admin.client.delete(customer.path).status_code == 200


def test_what_is_recent_is_a_setting(make_app: Callable[..., Flask], customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '30 s'")
    strict = new_client(make_app(recent_login=20))

    response = strict.delete(customer.path, headers=customer.headers)

    assert response.get_json()["error"]["code"] == "login_again"
