"""How long a session lives, what ends it, and what needs a recent login (CONTRACT section 2)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import ME, NEW_PASSWORD, browser_of, sid_status
from tests.support.database import Db

LEFT = "SELECT extract(epoch FROM expires_at - now()) AS left FROM login_session WHERE {kind} IS NOT NULL"
MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("kind", "owner", "idle", "lifetime"),
    [("customer", "customer_id", DAY, 30 * DAY), ("admin", "admin_user_id", HOUR, 12 * HOUR)],
)
def test_a_session_lives_for_its_idle_time_after_its_use_but_not_beyond_its_absolute_end(
    accounts: dict[str, Account], db: Db, kind: str, owner: str, idle: int, lifetime: int
) -> None:
    def use(age: int) -> float:
        """Return how long a session of this age lives after its use; it was about to end."""
        db.execute(
            "UPDATE login_session SET last_seen_at = now() - interval '2 min', expires_at = now() + interval '1 min',"
            " created_at = now() - make_interval(secs => %s)",
            age,
        )
        data_of(accounts[kind].client.get(accounts["customer"].path))
        return float(db.one(LEFT.format(kind=owner))["left"])

    assert idle - MINUTE < db.one(LEFT.format(kind=owner))["left"] <= idle
    assert idle - MINUTE < use(2 * MINUTE) <= idle
    assert 2 * MINUTE < use(lifetime - 3 * MINUTE) <= 3 * MINUTE
    db.execute("UPDATE login_session SET expires_at = now() - interval '1 s'")
    refused(accounts[kind].client.get(accounts["customer"].path), 401, "not_authenticated")


def test_idle_time_is_extended_at_most_once_a_minute(customer: Account, db: Db) -> None:
    row = "SELECT last_seen_at, expires_at, xmin FROM login_session"
    for seconds in (30, 61):
        db.execute("UPDATE login_session SET last_seen_at = now() - make_interval(secs => %s)", seconds)
        before = db.one(row)
        for _ in range(3):
            data_of(customer.client.get(customer.path))
        assert (db.one(row) == before) == (seconds == 30)


@pytest.mark.parametrize("setting", ["customer_idle", "customer_lifetime"])
def test_lifetimes_are_settings(make_app: Callable[..., Flask], customer: Account, db: Db, setting: str) -> None:
    db.execute("DELETE FROM login_session")

    log_in(new_client(make_app(**{setting: 300})), customer.email)

    assert 240 < db.one(LEFT.format(kind="customer_id"))["left"] <= 300


# ---------------------------------------------------------------- at most 100


def test_a_login_beyond_100_sessions_ends_the_least_recently_used(
    app: Flask, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    other = make_customer()
    db.execute(
        "INSERT INTO login_session (digest, customer_id, expires_at, last_seen_at)"
        " SELECT sha256(n::text::bytea), customer_id, now() + interval '1 d', now() - n * interval '1 min'"
        "   FROM customer, generate_series(1, 99) AS n WHERE uuid = %s",
        customer.uuid,
    )
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '1 h' WHERE digest = sha256('1'::bytea)")

    new = browser_of(app, customer)

    listed = data_of(new.get(f"{ME}/sessions"))
    assert (len(listed), listed[0]["current"], [one["current"] for one in listed].count(True)) == (100, True, 1)
    gone = "SELECT count(*) FROM login_session WHERE digest = sha256(%s::text::bytea)"
    assert [db.one(gone, each)["count"] for each in (1, 98, 99)] == [1, 1, 0]
    data_of(customer.client.get(ME))
    data_of(other.client.get(ME))


def test_the_bound_is_a_setting_and_holds_for_admins(
    make_app: Callable[..., Flask], accounts: dict[str, Account], db: Db
) -> None:
    app = make_app(max_sessions=2)
    for account in accounts.values():
        sids = [log_in(new_client(app), account.email, path=account.login) for _ in range(3)]
        path = accounts["customer"].path
        assert [sid_status(new_client(app), path, sid) for sid in sids] == [401, 200, 200]
    assert db.one("SELECT count(*) FROM login_session") == {"count": 4}


def test_more_sessions_than_that_are_not_listed_and_the_current_one_is(
    customer: Account, admin: Account, db: Db
) -> None:
    """Cause: 120,000 sessions made a list of 55 MB. They may still be there, from before there was a bound."""
    db.execute(
        "INSERT INTO login_session (digest, customer_id, expires_at)"
        " SELECT sha256(n::text::bytea), customer_id, now() + interval '1 d'"
        "   FROM customer, generate_series(1, 500) AS n"
    )

    for client in (customer.client, admin.client):
        assert len(data_of(client.get(f"{customer.path}/sessions"))) == 100


# ---------------------------------------------------------------- what ends sessions


def test_a_session_dies_with_deactivation_and_does_not_rise_again(customer: Account, admin: Account) -> None:
    for status in (0, 1):
        data_of(admin.client.patch(customer.path, json={"status": status}))
        refused(customer.client.get(customer.path), 401, "not_authenticated")


def test_a_session_counts_for_nothing_while_another_program_has_disabled_the_account(
    customer: Account, admin: Account, db: Db
) -> None:
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")

    for account in (customer, admin):
        refused(account.client.get(customer.path), 401, "not_authenticated")


@pytest.mark.parametrize("by", ["customer", "admin"])
def test_a_change_of_password_ends_all_sessions_but_the_one_that_makes_it(
    app: Flask, accounts: dict[str, Account], by: str
) -> None:
    customer = accounts["customer"]
    other = browser_of(app, customer)

    data_of(accounts[by].client.patch(customer.path, json={"password": NEW_PASSWORD}))

    refused(other.get(ME), 401, "not_authenticated")
    assert customer.client.get(ME).status_code == (200 if by == "customer" else 401)
    data_of(accounts["admin"].client.get(customer.path))
    log_in(new_client(app), customer.email, NEW_PASSWORD)


def test_other_changes_end_no_session(app: Flask, customer: Account) -> None:
    other = browser_of(app, customer)

    data_of(customer.client.patch(ME, json={"email": "new@example.com", "full_name": "New"}))

    data_of(other.get(ME))


# ---------------------------------------------------------------- recent login

SENSITIVE = [("PATCH", {"email": "new@example.com"}), ("PATCH", {"password": NEW_PASSWORD}), ("DELETE", None)]


@pytest.mark.parametrize(("method", "body"), SENSITIVE)
def test_a_sensitive_change_needs_a_login_within_15_minutes(
    customer: Account, db: Db, method: str, body: dict[str, str] | None
) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '15 min 1 s'")
    refused(customer.client.open(customer.path, method=method, json=body), 403, "login_again")
    assert data_of(customer.client.get(ME))["email"] == customer.email

    db.execute("UPDATE login_session SET created_at = now() - interval '14 min'")
    data_of(customer.client.open(customer.path, method=method, json=body))


def test_other_changes_need_none_nor_does_an_e_mail_sent_along_unchanged(customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '1 h'")

    data_of(customer.client.patch(ME, json={"full_name": "New", "email": customer.email}))


def test_an_admin_needs_none(customer: Account, admin: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '10 h'")

    data_of(admin.client.patch(customer.path, json={"email": "new@example.com", "password": NEW_PASSWORD}))
    data_of(admin.client.delete(customer.path))


def test_what_is_recent_is_a_setting(make_app: Callable[..., Flask], customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '30 s'")

    response = new_client(make_app(recent_login=20)).delete(customer.path, headers=customer.headers)

    refused(response, 403, "login_again")
