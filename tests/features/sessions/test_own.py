"""The list of a customer's sessions, and ending them (CONTRACT section 6)."""

from typing import Any

import pytest

from tests.conftest import PASSWORD, Account, log_in
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, MISSING, NEW_PASSWORD, session_of
from tests.support.client import CheckingClient
from tests.support.database import Db

SESSIONS = f"{ME}/sessions"


def test_they_are_listed_the_last_used_first_without_sids(customer: Account, elsewhere: CheckingClient, db: Db) -> None:
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


def test_the_current_one_is_the_callers_and_ended_ones_are_gone(
    customer: Account, elsewhere: CheckingClient, admin: Account, db: Db
) -> None:
    own, second = session_of(customer.client), session_of(elsewhere)
    listed = data_of(admin.client.get(f"{customer.path}/sessions"))
    assert {(one["uuid"], one["current"]) for one in listed} == {(own, False), (second, False)}

    db.execute("UPDATE login_session SET expires_at = now() WHERE uuid = %s", second)

    assert [(one["uuid"], one["current"]) for one in data_of(customer.client.get(SESSIONS))] == [(own, True)]
    refused(customer.client.delete(f"{SESSIONS}/{second}"), 404, "session_not_found")


def test_ending_one_ends_no_other_and_may_be_the_current_one(
    customer: Account, elsewhere: CheckingClient, other: Account
) -> None:
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
    "an admin's other changes": (
        "admin",
        "PATCH {own}",
        {"email": "new@example.com", "group_id": 1},
        (True, True, True),
    ),
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
