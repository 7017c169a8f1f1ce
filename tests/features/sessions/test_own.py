"""The list of a customer's sessions, and ending them (CONTRACT section 6)."""

from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, MISSING, browser_of, session_of, sid_status
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once

SESSIONS = f"{ME}/sessions"


@pytest.fixture
def elsewhere(app: Flask, customer: Account) -> CheckingClient:
    """Return another browser of the customer."""
    return browser_of(app, customer)


def test_they_are_listed_the_last_used_first_and_never_a_sid(
    customer: Account, elsewhere: CheckingClient, db: Db
) -> None:
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


def test_the_current_one_is_the_callers_and_what_has_ended_is_not_listed(
    customer: Account, elsewhere: CheckingClient, admin: Account, db: Db
) -> None:
    own, other = session_of(customer.client), session_of(elsewhere)
    assert own != other
    listed = data_of(admin.client.get(f"{customer.path}/sessions"))
    assert {(one["uuid"], one["current"]) for one in listed} == {(own, False), (other, False)}

    db.execute("UPDATE login_session SET expires_at = now() WHERE uuid = %s", other)

    assert [(one["uuid"], one["current"]) for one in data_of(customer.client.get(SESSIONS))] == [(own, True)]
    refused(customer.client.delete(f"{SESSIONS}/{other}"), 404, "session_not_found")


def test_ending_one_ends_it_and_no_other_and_may_be_the_current_one(
    customer: Account, elsewhere: CheckingClient
) -> None:
    path = f"{SESSIONS}/{session_of(elsewhere)}"

    done(customer.client.delete(path))

    refused(elsewhere.get(ME), 401, "not_authenticated")
    refused(customer.client.delete(path), 404, "session_not_found")
    done(customer.client.delete(f"{SESSIONS}/{session_of(customer.client)}"))
    refused(customer.client.get(ME), 401, "not_authenticated")


def test_one_that_is_unknown_or_anothers_is_a_404(customer: Account, make_customer: Callable[..., Account]) -> None:
    other = make_customer()

    for uuid in (session_of(other.client), MISSING, customer.sid):
        refused(customer.client.delete(f"{SESSIONS}/{uuid}"), 404, "session_not_found")

    for account in (other, customer):
        data_of(account.client.get(ME))


@pytest.mark.parametrize("by", ["customer", "admin"])
def test_ending_the_others_keeps_the_current_one_and_by_an_admin_none(
    customer: Account, elsewhere: CheckingClient, admin: Account, make_customer: Callable[..., Account], by: str
) -> None:
    bystander = make_customer()

    done((elsewhere if by == "customer" else admin.client).delete(f"{customer.path}/sessions"))

    statuses = [client.get(ME).status_code for client in (elsewhere, customer.client, bystander.client)]
    assert statuses == [200 if by == "customer" else 401, 401, 200]


def test_of_sessions_that_end_all_others_at_once_one_stays(app: Flask, customer: Account) -> None:
    sids = [customer.sid, *(log_in(new_client(app), customer.email) for _ in range(7))]

    def end_others(number: int) -> int:
        return new_client(app).delete(SESSIONS, headers={"X-Session-ID": sids[number]}).status_code

    assert Counter(at_once(8, end_others)) == {200: 1, 401: 7}
    assert sorted(sid_status(new_client(app), ME, sid) for sid in sids) == [200, *[401] * 7]
