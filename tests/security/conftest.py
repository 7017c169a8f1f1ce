"""What the tests of the limits stand on."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.database import Db
from tests.support.limits import NOBODY, statuses

# The defaults, which the other tests switch off.
GUESSING = {"limit_free_attempts": 5, "limit_network_failures": 30, "limit_account_failures": 100}
Make = Callable[..., Flask]


@pytest.fixture
def limited(make_app: Make) -> Flask:
    """Return an application with the limits on guessing that the settings have by default, behind a proxy."""
    return make_app(trusted_proxies=1, **GUESSING)


def lengthen_pauses(db: Db) -> None:
    """Have pauses end in ten minutes: a slow test must not outlast a pause of a second."""
    db.execute(
        "UPDATE attempt_counter SET open_at = clock_timestamp() + interval '599.9 s'"
        # Counted for a day beyond the longest pause, from the last attempt.
        " WHERE expires_at > now() + interval '1 day' AND expires_at - open_at < interval '24 h 15 min'"
    )


def shut_out(app: Flask, db: Db, email: str = NOBODY, **more: Any) -> None:
    """Fail five times, so that the next attempt is refused."""
    assert statuses(app, 5, email, **more) == [401] * 5
    lengthen_pauses(db)


def counters(db: Db) -> list[dict[str, Any]]:
    """Return what is counted."""
    return db.all("SELECT digest, attempts FROM attempt_counter ORDER BY digest")
