"""Guesses at once, on several instances; and attempts that are given back."""

from collections import Counter
from contextlib import AbstractContextManager, ExitStack

import pytest
from sqlalchemy.exc import OperationalError

from customers.context import Context
from customers.errors import Busy, InvalidCredentials
from customers.http import context
from customers.security import guesses, limits
from customers.security.callers import Actor, Origin
from customers.security.guesses import Guess
from tests.conftest import Account, MakeApp
from tests.security.conftest import GUESSING, counters, shut_out
from tests.support.database import Db
from tests.support.limits import HOME, attempt, refused, right, statuses
from tests.support.threads import at_once

ORIGIN = Origin(HOME)


def guess(ctx: Context, email: str) -> AbstractContextManager[Guess]:
    return guesses.counted(ctx.db, ctx.settings, "customer", email, Actor("anonymous", None, ORIGIN), "login_failed")


def test_of_24_guesses_at_once_on_two_instances_five_are_looked_at(make_app: MakeApp, customer: Account) -> None:
    instances = [make_app(trusted_proxies=1, limit_longest_pause=seconds, **GUESSING) for seconds in (1, 900)]

    answers = Counter(at_once(24, lambda number: attempt(instances[number % 2], customer.email).status_code))

    # More than five only where the last are asked when the first pauses are over.
    assert 5 <= answers[401] <= 8
    assert answers[429] == 24 - answers[401]


def test_of_24_guesses_at_once_at_24_accounts_a_network_gets_its_12(make_app: MakeApp, db: Db) -> None:
    app = make_app(trusted_proxies=1, limit_free_attempts=5, limit_network_failures=12)

    answers = at_once(24, lambda number: attempt(app, f"nobody{number}@example.com").status_code)

    assert Counter(answers) == {401: 12, 429: 12}
    # All or nothing: what the network's limit refused has not been counted at the account.
    counted = Counter(row["attempts"] for row in counters(db))
    assert (counted[1], counted[12], max(counted)) == (12, 1, 12)


def test_what_was_not_decided_is_given_back_and_begins_no_pause(make_app: MakeApp, customer: Account, db: Db) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=20, **GUESSING)
    ctx = context.of(app)
    statuses(app, 4, customer.email)
    before = counters(db)

    for error in (Busy(), OperationalError("SELECT", {}, Exception("gone"))):
        for _ in range(10):
            with pytest.raises(type(error)), guess(ctx, customer.email):
                raise error
            with pytest.raises(type(error)), limits.request(ctx.db, ctx.settings, "registrations", ORIGIN):
                raise error

    assert counters(db) == before
    shut_out(app, db, customer.email, free=1)
    db.execute("UPDATE attempt_counter SET open_at = now() WHERE open_at > now()")
    with pytest.raises(Busy), guess(ctx, customer.email):
        raise Busy()
    assert right(app, customer.email) == 200


def test_an_attempt_that_cannot_be_given_back_keeps_its_own_error(make_app: MakeApp) -> None:
    ctx = context.of(make_app(database_url="postgresql://127.0.0.1:1/none"))

    with pytest.raises(Busy), limits.given_back_if_undecided(ctx.db, [limits.Limit("account", b"", 1, 60)]):
        raise Busy()


def test_attempts_counted_and_given_back_at_once_never_wait_in_a_circle(make_app: MakeApp, db: Db) -> None:
    ctx = context.of(make_app(trusted_proxies=1, **dict.fromkeys(GUESSING, 1000)))

    def guess_often(number: int) -> None:
        for turn in range(20):
            error = Busy() if turn % 2 else InvalidCredentials()
            with pytest.raises(type(error)), guess(ctx, f"nobody{(number + turn) % 3}@example.com"):
                raise error

    assert at_once(20, guess_often) == [None] * 20
    assert db.one("SELECT sum(attempts) FROM attempt_counter")["sum"] == 3 * 200


def test_a_success_reopens_what_it_had_closed_while_it_was_under_way(make_app: MakeApp, customer: Account) -> None:
    """Customers behind one carrier's NAT sign in at once: the next one need not wait a quarter of an hour."""
    app = make_app(trusted_proxies=1, limit_network_failures=2)

    with ExitStack() as under_way:
        for number in range(2):
            under_way.enter_context(guess(context.of(app), f"customer{number}@example.com"))
        meanwhile = attempt(app, customer.email)

    refused(meanwhile)
    assert right(app, customer.email) == 200
