"""How long a session lives, what ends it, and what needs a recent login (CONTRACT section 2)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import ME, NEW_PASSWORD, browser_of, sid_status
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once, overtaken

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


def test_idle_time_is_extended_at_most_once_a_minute_also_by_reads_at_once(customer: Account, db: Db) -> None:
    row = "SELECT last_seen_at, expires_at, xmin FROM login_session"
    for seconds in (30, 61):
        db.execute("UPDATE login_session SET last_seen_at = now() - make_interval(secs => %s)", seconds)
        before = db.one(row)
        assert at_once(16, lambda _: customer.client.get(customer.path).status_code) == [200] * 16
        assert (db.one(row) == before) == (seconds == 30)


@pytest.mark.parametrize("setting", ["customer_idle", "customer_lifetime"])
def test_lifetimes_are_settings(make_app: Callable[..., Flask], customer: Account, db: Db, setting: str) -> None:
    db.execute("DELETE FROM login_session")

    log_in(new_client(make_app(**{setting: 300})), customer.email)

    assert 240 < db.one(LEFT.format(kind="customer_id"))["left"] <= 300


# ---------------------------------------------------------------- at most 100


def fill(db: Db, customer: Account, count: int) -> None:
    """Give a customer so many sessions, each last used a minute before the one before it."""
    db.execute(
        "INSERT INTO login_session (digest, customer_id, expires_at, last_seen_at)"
        " SELECT sha256(n::text::bytea), customer_id, now() + interval '1 d', now() - n * interval '1 min'"
        "   FROM customer, generate_series(1, %s) AS n WHERE uuid = %s",
        *(count, customer.uuid),
    )


def test_a_login_beyond_100_ends_the_least_recently_used(app: Flask, customer: Account, other: Account, db: Db) -> None:
    fill(db, customer, 99)
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '1 h' WHERE digest = sha256('1'::bytea)")

    listed = data_of(browser_of(app, customer).get(f"{ME}/sessions"))

    assert (len(listed), listed[0]["current"], [one["current"] for one in listed].count(True)) == (100, True, 1)
    gone = "SELECT count(*) FROM login_session WHERE digest = sha256(%s::text::bytea)"
    assert [db.one(gone, each)["count"] for each in (1, 98, 99)] == [1, 1, 0]
    data_of(customer.client.get(ME))
    data_of(other.client.get(ME))


def test_the_bound_is_a_setting_also_of_admins(
    make_app: Callable[..., Flask], accounts: dict[str, Account], db: Db
) -> None:
    app = make_app(max_sessions=2)
    for account in accounts.values():
        sids = [log_in(new_client(app), account.email, path=account.login) for _ in range(3)]
        path = accounts["customer"].path
        assert [sid_status(new_client(app), path, sid) for sid in sids] == [401, 200, 200]
    assert db.one("SELECT count(*) FROM login_session") == {"count": 4}


def test_more_sessions_than_that_are_not_listed(customer: Account, admin: Account, db: Db) -> None:
    """Cause: 120,000 sessions made a list of 55 MB. They may still be there, from before there was a bound."""
    fill(db, customer, 500)

    for client in (customer.client, admin.client):
        assert len(data_of(client.get(f"{customer.path}/sessions"))) == 100


def test_logins_at_once_keep_the_bound(make_app: Callable[..., Flask], customer: Account, db: Db) -> None:
    """Cause: logins at once did not see each other's sessions, so none of them ended any. Cure: they take turns."""
    app = make_app(max_sessions=3)

    at_once(16, lambda _: log_in(new_client(app), customer.email))

    assert db.one("SELECT count(*) FROM login_session") == {"count": 3}


# ---------------------------------------------------------------- what ends sessions


def test_a_session_of_a_disabled_account_counts_for_nothing(customer: Account, admin: Account, db: Db) -> None:
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")

    for account in (customer, admin):
        for path in (customer.path, "/session"):
            refused(account.client.get(path), 401, "not_authenticated")


@pytest.mark.parametrize("change", ["password = 'changed'", "status = 0"])
def test_a_login_overtaken_by_a_change_starts_no_session(
    client: CheckingClient, customer: Account, database: str, db: Db, change: str
) -> None:
    """The password was right when it was checked; the change has ended all sessions, and would not see a new one."""
    body = {"email": customer.email, "password": PASSWORD}
    statements = f"UPDATE customer SET {change}; DELETE FROM login_session"

    late = overtaken(database, db, statements, lambda: client.post("/customer/login", json=body))

    refused(late, 401, "invalid_credentials")
    assert db.all("SELECT FROM login_session") == []


# ---------------------------------------------------------------- recent login

SENSITIVE = [("PATCH", {"email": "new@example.com"}), ("PATCH", {"password": NEW_PASSWORD}), ("DELETE", None)]


@pytest.mark.parametrize(("method", "body"), SENSITIVE)
def test_a_sensitive_change_needs_a_recent_login(
    customer: Account, db: Db, method: str, body: dict[str, str] | None
) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '15 min 1 s'")
    refused(customer.client.open(customer.path, method=method, json=body), 403, "login_again")
    assert data_of(customer.client.get(ME))["email"] == customer.email

    db.execute("UPDATE login_session SET created_at = now() - interval '14 min'")
    data_of(customer.client.open(customer.path, method=method, json=body))


def test_other_changes_and_admins_need_no_recent_login(customer: Account, admin: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '10 h'")

    data_of(customer.client.patch(ME, json={"full_name": "New", "email": customer.email}))
    data_of(admin.client.patch(customer.path, json={"email": "new@example.com", "password": NEW_PASSWORD}))
    data_of(admin.client.delete(customer.path))


def test_what_is_recent_is_a_setting(make_app: Callable[..., Flask], customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '30 s'")

    response = new_client(make_app(recent_login=20)).delete(customer.path, headers=customer.headers)

    refused(response, 403, "login_again")
