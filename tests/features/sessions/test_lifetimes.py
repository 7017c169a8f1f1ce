"""How long a session lives, what ends it, and what needs a recent login; the list of sessions."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, MISSING, NEW_PASSWORD, browser_of, session_of, sid_status
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once

Make = Callable[..., Flask]
LEFT = "SELECT extract(epoch FROM expires_at - now()) AS left FROM login_session WHERE {kind} IS NOT NULL"
MINUTE, HOUR, DAY = 60, 3600, 86400
SESSIONS = f"{ME}/sessions"


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
def test_lifetimes_and_what_is_recent_are_settings(make_app: Make, customer: Account, db: Db, setting: str) -> None:
    db.execute("DELETE FROM login_session")
    client = new_client(make_app(**{setting: 300, "recent_login": 20}))

    log_in(client, customer.email)

    assert 240 < db.one(LEFT.format(kind="customer_id"))["left"] <= 300
    db.execute("UPDATE login_session SET created_at = now() - interval '30 s'")
    refused(client.delete(customer.path), 403, "login_again")


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


def test_the_bound_is_a_setting_also_of_admins(make_app: Make, accounts: dict[str, Account], db: Db) -> None:
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


def test_logins_at_once_keep_the_bound(make_app: Make, customer: Account, db: Db) -> None:
    """Cause: logins at once did not see each other's sessions, so none of them ended any. Cure: they take turns."""
    app = make_app(max_sessions=3)

    at_once(16, lambda _: log_in(new_client(app), customer.email))

    assert db.one("SELECT count(*) FROM login_session") == {"count": 3}


def test_a_session_of_a_disabled_account_counts_for_nothing(customer: Account, admin: Account, db: Db) -> None:
    db.execute("UPDATE customer SET status = 0")
    db.execute("UPDATE admin_user SET status = false")

    for account in (customer, admin):
        for path in (customer.path, "/session"):
            refused(account.client.get(path), 401, "not_authenticated")


@pytest.mark.parametrize("body", [{"email": "new@example.com"}, {"password": NEW_PASSWORD}, None])
def test_a_sensitive_change_or_a_deletion_needs_a_recent_login(customer: Account, db: Db, body: Any) -> None:
    method = "PATCH" if body else "DELETE"
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


def test_they_are_listed_last_used_first_without_a_sid(customer: Account, elsewhere: CheckingClient, db: Db) -> None:
    sid = log_in(elsewhere, customer.email)
    db.execute("UPDATE login_session SET expires_at = '2099-01-31 23:30:00.9-05', user_agent = 'Browser'")
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '50 s' WHERE uuid = %s", session_of(elsewhere))

    response = customer.client.get(SESSIONS)

    found = data_of(response)
    assert len(found) == 3
    assert found[-1]["uuid"] == session_of(elsewhere)
    for one in found:
        assert list(one) == ["uuid", "created_at", "last_seen_at", "expires_at", "ip", "user_agent", "current"]
        assert (one["expires_at"], one["ip"], one["user_agent"]) == ("2099-02-01 04:30:00", "127.0.0.1", "Browser")
        assert one["created_at"] >= one["last_seen_at"] > "2026"
    assert not [each for each in (sid, customer.sid) if each.replace("-", "") in response.text.replace("-", "")]


def test_the_current_one_is_the_callers(customer: Account, elsewhere: CheckingClient, admin: Account, db: Db) -> None:
    own, second = session_of(customer.client), session_of(elsewhere)
    listed = data_of(admin.client.get(f"{customer.path}/sessions"))
    assert {(one["uuid"], one["current"]) for one in listed} == {(own, False), (second, False)}

    db.execute("UPDATE login_session SET expires_at = now() WHERE uuid = %s", second)

    assert [(one["uuid"], one["current"]) for one in data_of(customer.client.get(SESSIONS))] == [(own, True)]
    refused(customer.client.delete(f"{SESSIONS}/{second}"), 404, "session_not_found")


def test_ending_one_session_ends_no_other(customer: Account, elsewhere: CheckingClient, other: Account) -> None:
    path = f"{SESSIONS}/{session_of(elsewhere)}"

    done(customer.client.delete(path))

    refused(elsewhere.get(ME), 401, "not_authenticated")
    for missing in (path, f"{SESSIONS}/{session_of(other.client)}", f"{SESSIONS}/{MISSING}", f"{SESSIONS}/{other.sid}"):
        refused(customer.client.delete(missing), 404, "session_not_found")
    data_of(other.client.get(ME))
    done(customer.client.delete(f"{SESSIONS}/{session_of(customer.client)}"))
    refused(customer.client.get(ME), 401, "not_authenticated")


GIVEN = {"password": NEW_PASSWORD}
CHANGE = {**GIVEN, "current_password": PASSWORD}
# Who does what -> which live on: the customer's session, another one of the same customer, one of another customer.
ENDS: dict[str, tuple[str, str, Any, tuple[bool, bool, bool]]] = {
    "the others": ("customer", "DELETE {own}/sessions", None, (True, False, True)),
    "all, by an admin": ("admin", "DELETE {own}/sessions", None, (False, False, True)),
    "a new password": ("customer", "PATCH {own}", GIVEN, (True, False, True)),
    "a new password by the current one": ("customer", "POST /api/customers/me/password", CHANGE, (True, False, True)),
    "a new password by an admin": ("admin", "PATCH {own}", GIVEN, (False, False, True)),
    "deactivation": ("admin", "PATCH {own}", {"status": 0}, (False, False, True)),
    "a new e-mail": ("customer", "PATCH {own}", {"email": "new@example.com", "full_name": "X"}, (True, True, True)),
    "an admin's other changes": ("admin", "PATCH {own}", {"email": "x@y.zz", "group_id": 1}, (True, True, True)),
    "a logout": ("customer", "POST /customers/logout", None, (False, True, True)),
}


@pytest.mark.parametrize("act", ENDS)
def test_what_ends_which_sessions_for_good(
    accounts: dict[str, Account], elsewhere: CheckingClient, other: Account, admin: Account, act: str
) -> None:
    by, call, body, live = ENDS[act]
    customer = accounts["customer"]
    method, path = call.format(own=customer.path).split()

    data_of(accounts[by].client.open(path, method=method, json=body))

    data_of(admin.client.patch(customer.path, json={"status": 1}))
    for path, success in ((ME, 200), ("/session", 204)):
        found = [client.get(path).status_code for client in (customer.client, elsewhere, other.client)]
        assert found == [success if lives else 401 for lives in live]
