"""What the tests of the limits stand on."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import Account, MakeApp, new_client
from tests.support.builders import CUSTOMERS, NEW
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, attempt, statuses

# The defaults, which the other tests switch off.
GUESSING = {"limit_free_attempts": 5, "limit_network_failures": 30, "limit_account_failures": 100}
LOGINS = ("/customer/login", "/admin/user/login")


@pytest.fixture
def limited(make_app: MakeApp) -> Flask:
    """Return an application with the limits on guessing that the settings have by default, behind a proxy."""
    return make_app(trusted_proxies=1, **GUESSING)


@pytest.fixture(params=["customer", "admin"])
def either(request: pytest.FixtureRequest, accounts: dict[str, Account]) -> Account:
    return accounts[request.param]


def lengthen_pauses(db: Db) -> None:
    """Have pauses end in ten minutes: a slow test must not outlast a pause of a second."""
    db.execute(
        "UPDATE attempt_counter SET open_at = clock_timestamp() + interval '599.9 s'"
        # Counted for a day beyond the longest pause, from the last attempt.
        " WHERE expires_at > now() + interval '1 day' AND expires_at - open_at < interval '24 h 15 min'"
    )


def register(app: Flask, email: str, ip: str = HOME, **headers: str) -> TestResponse:
    return new_client(app).post(CUSTOMERS, json={**NEW, "email": email}, headers={"X-Forwarded-For": ip, **headers})


def shut_out(app: Flask, db: Db, email: str = NOBODY, *, free: int = 5, **more: Any) -> None:
    """Fail as often as is free, so that the next attempt is refused."""
    assert statuses(app, free, email, **more) == [401] * free
    lengthen_pauses(db)


def fail_99_times(app: Flask, db: Db, account: Account) -> None:
    """Fail once, and have it count for failures from everywhere, of which one more closes the account."""
    assert attempt(app, account.email, ip="198.51.100.1", path=account.login).status_code == 401
    by_the_account = "expires_at BETWEEN now() + interval '50 min' AND now() + interval '1 h'"  # counted for an hour
    db.execute(f"UPDATE attempt_counter SET attempts = 99 WHERE {by_the_account}")


def counters(db: Db) -> list[dict[str, Any]]:
    return db.all("SELECT digest, attempts FROM attempt_counter ORDER BY digest")
