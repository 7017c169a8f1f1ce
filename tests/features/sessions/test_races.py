"""Logins at the same time as other things of their account."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import NEW_PASSWORD
from tests.support.database import Db
from tests.support.threads import at_once, overtaken


@pytest.mark.parametrize("change", ["password = 'changed'", "status = 0"])
def test_a_login_that_waits_for_a_change_of_the_account_starts_no_session(
    app: Flask, customer: Account, database: str, db: Db, change: str
) -> None:
    """The password was right when it was checked; the change has ended all sessions, and would not see a new one."""
    body = {"email": customer.email, "password": PASSWORD}
    statements = f"UPDATE customer SET {change}; DELETE FROM login_session"

    late = overtaken(database, db, statements, lambda: new_client(app).post("/customer/login", json=body))

    refused(late, 401, "invalid_credentials")
    assert db.all("SELECT FROM login_session") == []


def test_logins_with_the_old_password_while_it_changes_leave_no_session(app: Flask, customer: Account, db: Db) -> None:
    def act(number: int) -> Any:
        if number == 3:
            return data_of(customer.client.patch(customer.path, json={"password": NEW_PASSWORD}))
        return new_client(app).post("/customer/login", json={"email": customer.email, "password": PASSWORD}).status_code

    statuses = Counter(result for result in at_once(12, act) if isinstance(result, int))

    assert set(statuses) <= {200, 401}
    assert db.one("SELECT count(*) FROM login_session") == {"count": 1}


def test_reads_of_one_stale_session_at_once_extend_it_and_all_succeed(app: Flask, customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '1 h'")

    statuses = at_once(16, lambda _: new_client(app).get(customer.path, headers=customer.headers).status_code)

    assert Counter(statuses) == {200: 16}


def test_logins_that_renew_one_weak_hash_at_once_all_succeed(make_app: Callable[..., Flask], customer: Account) -> None:
    app = make_app(bcrypt_rounds=5)

    sids = at_once(8, lambda _: log_in(new_client(app), customer.email))

    assert len({sid for sid in sids if isinstance(sid, str)}) == 8


def test_logins_at_once_leave_no_more_sessions_than_there_may_be(
    make_app: Callable[..., Flask], customer: Account, db: Db
) -> None:
    """Cause: logins at once did not see each other's sessions, so none of them ended any. Cure: they take turns."""
    app = make_app(max_sessions=3)

    at_once(16, lambda _: log_in(new_client(app), customer.email))

    assert db.one("SELECT count(*) FROM login_session") == {"count": 3}
