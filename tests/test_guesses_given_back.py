"""What becomes of a guess that was counted and then not looked at, or not to its end."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from customers.errors import Busy
from customers.limits import sql
from customers.security.hashing import Hasher
from tests.conftest import PASSWORD, Account
from tests.support.database import Db
from tests.support.limits import NOBODY, WRONG, attempt, pass_time, refused, right, statuses
from tests.test_guess_races import FIVE, Make
from tests.test_races import at_once


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Iterator[None]:
    """Have every check of a password fail with an error."""

    def fail(*_: Any) -> bool:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Hasher, "verify", fail)
        yield


@pytest.mark.parametrize("error", [Busy(), OperationalError("SELECT", {}, Exception("gone"))])
def test_an_attempt_that_was_not_looked_at_is_given_back(
    make_app: Make, customer: Account, monkeypatch: pytest.MonkeyPatch, error: Exception, db: Db
) -> None:
    app = make_app(**FIVE)
    statuses(app, 4, customer.email)
    before = db.all("SELECT digest, attempts FROM attempt_counter ORDER BY digest")

    with failing(monkeypatch, error):
        unseen = statuses(app, 10, customer.email)

    assert unseen == [503] * 10
    assert db.all("SELECT digest, attempts FROM attempt_counter ORDER BY digest") == before
    assert attempt(app, customer.email).status_code == 401
    refused(attempt(app, customer.email))


def test_an_attempt_given_back_after_a_pause_begins_no_new_one(
    make_app: Make, customer: Account, monkeypatch: pytest.MonkeyPatch, db: Db
) -> None:
    app = make_app(**FIVE)
    statuses(app, 5, customer.email)
    db.execute("UPDATE attempt_counter SET open_at = now() WHERE open_at > now()")

    with failing(monkeypatch, Busy()):
        assert attempt(app, customer.email).status_code == 503

    assert attempt(app, customer.email, PASSWORD).status_code == 200


def test_an_attempt_that_cannot_be_given_back_now_changes_no_answer(make_app: Make, customer: Account, db: Db) -> None:
    """The counters' table is taken away after the password was checked: the login has succeeded all the same."""
    app = make_app(**FIVE)
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        " CREATE TRIGGER refuse BEFORE DELETE ON attempt_counter FOR EACH ROW EXECUTE FUNCTION refuse()"
    )

    try:
        assert right(app, customer.email) == 200
    finally:
        db.execute("DROP TRIGGER refuse ON attempt_counter; DROP FUNCTION refuse()")


def test_guesses_given_back_at_once_never_wait_in_a_circle_either(
    make_app: Make, monkeypatch: pytest.MonkeyPatch, db: Db
) -> None:
    app = make_app(trusted_proxies=1, **dict.fromkeys(FIVE.keys() - {"trusted_proxies"}, 1000))
    app.extensions["customers"].pace._seconds = 0

    with failing(monkeypatch, Busy()):
        answers = at_once(20, lambda _: statuses(app, 20))

    assert Counter(status for some in answers for status in some) == {503: 400}
    assert db.all("SELECT FROM attempt_counter") == []


def test_a_process_that_dies_in_the_middle_of_a_guess_closes_nothing_for_long(
    make_app: Make, customer: Account, monkeypatch: pytest.MonkeyPatch, db: Db
) -> None:
    app = make_app(trusted_proxies=1, limit_network_failures=1)
    with monkeypatch.context() as patch:
        patch.setattr(sql, "settle", lambda *_: None)  # as if it had died before
        assert attempt(app, NOBODY).status_code == 401

    assert attempt(app, NOBODY).status_code == 503
    pass_time(db, 35)
    assert right(app, customer.email) == 200


def test_a_guess_that_fails_after_another_was_given_back_closes_nothing(
    make_app: Make, customer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(trusted_proxies=1, limit_network_failures=2)
    begun = {PASSWORD: threading.Event(), WRONG: threading.Event()}
    go_on = {PASSWORD: threading.Event(), WRONG: threading.Event()}
    verify = Hasher.verify

    def slow(self: Hasher, password: str, made: str | None) -> bool:
        begun[password].set()
        assert go_on[password].wait(20)
        return verify(self, password, made)

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(Hasher, "verify", slow)
        first = pool.submit(right, app, customer.email)
        assert begun[PASSWORD].wait(20)
        second = pool.submit(lambda: attempt(app, NOBODY).status_code)  # the one that closes the limit
        assert begun[WRONG].wait(20)
        go_on[PASSWORD].set()
        done = first.result()
        go_on[WRONG].set()
        failed = second.result()

    assert (done, failed) == (200, 401)
    assert statuses(app, 2, "another@example.com") == [401, 429]
