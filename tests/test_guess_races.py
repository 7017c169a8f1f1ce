"""Guesses at once, on several instances; and what an attempt that was not looked at leaves."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask

from customers.config import Settings
from customers.errors import InvalidCredentials, TooManyAttempts
from customers.limits import attempts
from customers.security.hashing import Hasher
from tests.conftest import PASSWORD, Account
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, attempt, refused, right, statuses
from tests.support.service import wait_until
from tests.test_races import at_once

Make = Callable[..., Flask]
FIVE = {"trusted_proxies": 1, "limit_free_attempts": 5, "limit_network_failures": 30, "limit_account_failures": 100}


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the passwords that were verified, a list that grows."""
    found: list[str] = []
    verify = Hasher.verify

    def note(self: Hasher, password: str, made: str | None) -> bool:
        found.append(password)
        return verify(self, password, made)

    monkeypatch.setattr(Hasher, "verify", note)
    return found


@pytest.mark.parametrize("known", [True, False])
def test_of_40_guesses_at_once_on_two_instances_five_are_hashed(
    make_app: Make, customer: Account, hashed: list[str], known: bool
) -> None:
    instances = [make_app(**FIVE), make_app(**FIVE)]
    email = customer.email if known else NOBODY
    hashed.clear()

    answers = at_once(40, lambda number: attempt(instances[number % 2], email).status_code)

    # One more where the last is asked when the first pause, a second, is over already.
    assert 5 <= len(hashed) <= 6
    assert Counter(answers) == {401: len(hashed), 429: 40 - len(hashed)}


def test_of_60_guesses_at_once_at_60_accounts_a_network_gets_30(make_app: Make, hashed: list[str], db: Db) -> None:
    app = make_app(**FIVE)

    answers = at_once(60, lambda number: attempt(app, f"nobody{number}@example.com").status_code)

    # While the thirty are under way it is not known whether they fail: 503 says no more than that.
    assert answers.count(401) == len(hashed) == 30
    assert set(answers) <= {401, 429, 503}
    refused(attempt(app, "another@example.com"))
    # All or nothing: who was refused by the network has not been counted by the account.
    assert db.one("SELECT count(*) FROM attempt_counter WHERE attempts = 1")["count"] == 60
    assert db.one("SELECT max(attempts) FROM attempt_counter")["max"] == 30


def test_guesses_at_once_that_share_some_counters_never_wait_in_a_circle(make_app: Make, db: Db) -> None:
    app = make_app(**{**FIVE, "limit_free_attempts": 1000, "limit_network_failures": 1000})

    def guess_often(number: int) -> list[int]:
        return [
            attempt(app, f"nobody{(number + turn) % 3}@example.com", ip=f"203.0.113.{(number * turn) % 4}").status_code
            for turn in range(10)
        ]

    answers = at_once(20, guess_often)

    assert Counter(status for some in answers for status in some) == {401: 200}
    assert db.one("SELECT sum(attempts) FROM attempt_counter")["sum"] == 600


def test_successes_at_once_leave_nothing_behind(make_app: Make, make_customer: Callable[..., Account], db: Db) -> None:
    app = make_app(**FIVE)
    accounts = [make_customer() for _ in range(20)]
    db.execute("DELETE FROM attempt_counter")

    answers = at_once(20, lambda number: right(app, accounts[number].email))

    assert Counter(answers) == {200: 20}
    assert db.all("SELECT FROM attempt_counter WHERE attempts > 0") == []


def test_guesses_under_way_refuse_nobody_for_longer_than_they_take(
    make_app: Make, make_customer: Callable[..., Account], monkeypatch: pytest.MonkeyPatch, db: Db
) -> None:
    """Customers of one network sign in at once, as behind a carrier's NAT: none is to wait a quarter of an hour."""
    app = make_app(**{**FIVE, "limit_network_failures": 3})
    accounts = [make_customer() for _ in range(4)]
    all_there, verify = threading.Barrier(4), Hasher.verify

    def slow(self: Hasher, password: str, made: str | None) -> bool:
        all_there.wait(20)
        all_there.wait(20)
        return verify(self, password, made)

    monkeypatch.setattr(Hasher, "verify", slow)
    with ThreadPoolExecutor(3) as pool:
        under_way = [pool.submit(right, app, accounts[number].email) for number in range(3)]
        all_there.wait(20)
        meanwhile = attempt(app, accounts[3].email, PASSWORD)
        all_there.wait(20)
        done = [one.result() for one in under_way]
    monkeypatch.undo()

    assert (meanwhile.status_code, meanwhile.get_json()["error"]["code"]) == (503, "busy")
    assert meanwhile.headers["Retry-After"] == "1"
    assert done == [200] * 3
    assert right(app, accounts[3].email) == 200


def test_of_refusals_at_once_one_is_the_first(make_app: Make, settings: Settings, db: Db) -> None:
    app = make_app(trusted_proxies=1, limit_free_attempts=1)
    statuses(app, 1)
    db.execute("UPDATE attempt_counter SET open_at = now() + interval '15 min'")

    def is_first(_: int) -> bool:
        try:
            with attempts.guess(app.extensions["customers"], "customer", NOBODY, f"{HOME}/32"):
                raise InvalidCredentials()
        except TooManyAttempts as error:
            return error.is_first

    assert settings.database_url
    with psycopg.connect(settings.database_url) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT FROM attempt_counter FOR UPDATE")  # until all have seen that nobody has been told
        refusals = pool.submit(at_once, 8, is_first)
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        wait_until(lambda: len(db.all(waiting)) == 8)
        holder.commit()

    assert Counter(refusals.result()) == {True: 1, False: 7}
