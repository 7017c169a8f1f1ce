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
MINUTE, HOUR, DAY = 60, 3600, 86400
SESSIONS = f"{ME}/sessions"


def left(db: Db) -> float:
    """Return how many seconds the one session lives if nobody uses it."""
    return float(db.one("SELECT extract(epoch FROM expires_at - now()) AS left FROM login_session")["left"])


@pytest.mark.parametrize(("kind", "idle", "lifetime"), [("customer", DAY, 30 * DAY), ("admin", HOUR, 12 * HOUR)])
def test_a_session_lives_for_its_idle_time_after_its_use_but_not_beyond_its_absolute_end(
    accounts: dict[str, Account], db: Db, kind: str, idle: int, lifetime: int
) -> None:
    def use(age: int) -> float:
        """Return how long a session of this age lives after its use; it was about to end."""
        db.execute(
            "UPDATE login_session SET last_seen_at = now() - interval '2 min', expires_at = now() + interval '1 min',"
            " created_at = now() - make_interval(secs => %s)",
            age,
        )
        data_of(accounts[kind].client.get(accounts["customer"].path))
        return left(db)

    db.execute(f"DELETE FROM login_session WHERE {'admin_user' if kind == 'customer' else 'customer'}_id IS NOT NULL")
    assert idle - MINUTE < left(db) <= idle
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


def test_lifetimes_and_what_is_recent_are_settings(make_app: Make, customer: Account, db: Db) -> None:
    for setting in ("customer_idle", "customer_lifetime"):
        db.execute("DELETE FROM login_session")
        client = new_client(make_app(**{setting: 300, "recent_login": 20}))
        log_in(client, customer.email)
        assert 240 < left(db) <= 300
    db.execute("UPDATE login_session SET created_at = now() - interval '30 s'")
    refused(client.delete(customer.path), 403, "login_again")


def test_100_sessions_live_and_are_listed(app: Flask, customer: Account, other: Account, db: Db) -> None:
    """Cause: 120,000 sessions made a list of 55 MB. They may still be there, from before there was a bound."""
    fill = (
        "INSERT INTO login_session (digest, customer_id, expires_at, last_seen_at)"
        " SELECT sha256(n::text::bytea), customer_id, now() + interval '1 d', now() - n * interval '1 min'"
        "   FROM customer, generate_series(%s::int, %s::int) AS n WHERE uuid = %s"
    )
    db.execute(fill, 1, 99, customer.uuid)
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '1 h' WHERE digest = sha256('1'::bytea)")

    listed = data_of(browser_of(app, customer).get(SESSIONS))

    assert (len(listed), listed[0]["current"], [one["current"] for one in listed].count(True)) == (100, True, 1)
    left = db.all("SELECT n FROM login_session, generate_series(1, 99) AS n WHERE digest = sha256(n::text::bytea)")
    assert {row["n"] for row in left} == set(range(1, 99))  # the least recently used has ended
    data_of(other.client.get(ME))
    db.execute(fill, 100, 500, customer.uuid)
    assert len(data_of(customer.client.get(SESSIONS))) == 100


def test_the_bound_is_a_setting_and_holds_for_logins_at_once(
    make_app: Make, customer: Account, admin: Account, db: Db
) -> None:
    """Cause: logins at once did not see each other's sessions, so none of them ended any. Cure: they take turns."""
    app, both = make_app(max_sessions=2), [customer, admin]

    def login(number: int) -> str:
        return log_in(new_client(app), both[number % 2].email, path=both[number % 2].login)

    sids = [login(number) for number in range(6)]
    assert [sid_status(new_client(app), customer.path, sid) for sid in sids] == [401] * 2 + [200] * 4
    at_once(16, login)
    assert db.one("SELECT count(*) FROM login_session") == {"count": 4}


def test_a_session_of_a_disabled_account_counts_for_nothing_and_ends_whoever_disables_it(
    customer: Account, admin: Account, db: Db
) -> None:
    def disable(replication: str = "origin") -> None:
        db.execute(f"SET session_replication_role TO {replication}")  # as a replica, no trigger ends the sessions
        db.execute("UPDATE customer SET status = 0")
        db.execute("UPDATE admin_user SET status = false")
        db.execute("RESET session_replication_role")

    def enable() -> None:
        db.execute("UPDATE customer SET status = 1")
        db.execute("UPDATE admin_user SET status = true")

    def statuses() -> list[int]:
        paths = (customer.path, "/session")
        return [account.client.get(path).status_code for account in (customer, admin) for path in paths]

    disable("replica")
    assert statuses() == [401] * 4
    enable()
    assert statuses() == [200, 204] * 2
    disable()
    enable()
    assert statuses() == [401] * 4


def test_sensitive_changes_need_a_recent_login(customer: Account, other: Account, admin: Account, db: Db) -> None:
    for body in ({"email": customer.email.upper()}, {"email": "new@example.com"}, {"password": NEW_PASSWORD}, None):
        method, before = "PATCH" if body else "DELETE", data_of(customer.client.get(ME))
        db.execute("UPDATE login_session SET created_at = now() - interval '15 min 1 s'")
        refused(customer.client.open(customer.path, method=method, json=body), 403, "login_again")
        assert data_of(customer.client.get(ME)) == before
        db.execute("UPDATE login_session SET created_at = now() - interval '14 min'")
        data_of(customer.client.open(customer.path, method=method, json=body))

    db.execute("UPDATE login_session SET created_at = now() - interval '10 h'")
    data_of(other.client.patch(ME, json={"full_name": "New", "email": other.email}))  # changes no e-mail
    data_of(admin.client.patch(other.path, json={"email": "other@x.example", "password": NEW_PASSWORD}))
    data_of(admin.client.delete(other.path))


def test_they_are_listed_without_a_sid(customer: Account, elsewhere: CheckingClient, admin: Account, db: Db) -> None:
    own, second, sid = session_of(customer.client), session_of(elsewhere), log_in(elsewhere, customer.email)
    db.execute("UPDATE login_session SET expires_at = '2099-01-31 23:30:00.9-05', user_agent = 'Browser'")
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '50 s' WHERE uuid = %s", second)

    response = customer.client.get(SESSIONS)

    found = data_of(response)
    assert (len(found), found[-1]["uuid"], [one["uuid"] for one in found if one["current"]]) == (3, second, [own])
    assert not any(one["current"] for one in data_of(admin.client.get(f"{customer.path}/sessions")))
    for one in found:
        assert list(one) == ["uuid", "created_at", "last_seen_at", "expires_at", "ip", "user_agent", "current"]
        assert (one["expires_at"], one["ip"], one["user_agent"]) == ("2099-02-01 04:30:00", "127.0.0.1", "Browser")
        assert one["created_at"] >= one["last_seen_at"] > "2026"
    assert not [each for each in (sid, customer.sid) if each.replace("-", "") in response.text.replace("-", "")]


def test_ending_one_session_ends_no_other(customer: Account, elsewhere: CheckingClient, other: Account, db: Db) -> None:
    second, ended = session_of(elsewhere), session_of(browser_of(elsewhere.application, customer))
    db.execute("UPDATE login_session SET expires_at = now() WHERE uuid = %s", ended)
    assert ended not in customer.client.get(SESSIONS).text

    done(customer.client.delete(f"{SESSIONS}/{second}"))

    refused(elsewhere.get(ME), 401, "not_authenticated")
    for missing in (second, ended, session_of(other.client), MISSING, other.sid):
        refused(customer.client.delete(f"{SESSIONS}/{missing}"), 404, "session_not_found")
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


def test_in_an_admins_browser_the_customers_session_outlives_a_new_password_but_not_the_deactivation(
    app: Flask, customer: Account, admin: Account, db: Db
) -> None:
    both = browser_of(app, customer, admin)

    data_of(both.patch(customer.path, json=GIVEN))
    data_of(both.get(ME))
    assert db.one("SELECT actor_kind FROM audit_log WHERE event = 'password_changed'") == {"actor_kind": "admin"}
    for status in (0, 1):
        data_of(both.patch(customer.path, json={"status": status}))
    refused(both.get(ME), 403, "forbidden")
