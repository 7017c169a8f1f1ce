"""Requests at the same time, with real threads and real commits."""

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from customers.errors import InvalidCredentials
from customers.security.callers import Origin
from customers.context import Context
from customers.features.sessions import login_sql, service, sql
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.database import Db


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run an act in so many threads that all wait for the last; return what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = act(number)
        except Exception as error:  # noqa: BLE001  # handed to the test, which looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def register(app: Flask, email: str) -> int:
    body = {"email": email, "password": PASSWORD, "full_name": "Ann"}
    return new_client(app).post("/api/customers", json=body).status_code


def test_of_40_registrations_of_one_address_one_wins(app: Flask, db: Db) -> None:
    spellings = ["ann@example.com", "ANN@example.com", "Ann@Example.com", "aNN@example.COM"]

    statuses = at_once(40, lambda number: register(app, spellings[number % 4]))

    assert Counter(statuses) == {201: 1, 409: 39}
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


def test_200_registrations_of_different_addresses_all_succeed(
    make_app: Callable[..., Flask], db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(pool_size=10)  # the default; the tests' own is larger
    caplog.set_level(logging.WARNING)

    statuses = at_once(200, lambda number: register(app, f"ann{number}@example.com"))

    assert Counter(statuses) == {201: 200}
    assert db.one("SELECT count(*) FROM customer")["count"] == 200
    assert caplog.records == []


def test_of_two_changes_to_one_address_one_wins(make_customer: Callable[..., Account]) -> None:
    accounts = [make_customer() for _ in range(16)]

    statuses = at_once(
        16, lambda number: accounts[number].client.patch(accounts[number].path, json={"email": "x@y.zz"}).status_code
    )

    assert Counter(statuses) == {200: 1, 409: 15}


def test_of_16_deletions_one_finds_the_customer(customer: Account, admin: Account) -> None:
    statuses = at_once(16, lambda _: admin.client.delete(customer.path).status_code)

    assert Counter(statuses) == {200: 1, 404: 15}


def test_a_session_logged_out_while_it_is_used_is_never_a_5xx(app: Flask, customer: Account) -> None:
    def act(number: int) -> int:
        if number == 7:
            return customer.client.post("/customers/logout").status_code
        return new_client(app).get(customer.path, headers=customer.headers).status_code

    statuses = at_once(16, act)

    assert set(statuses) <= {200, 401}
    assert customer.client.get(customer.path).status_code == 401


def test_a_login_checked_against_the_old_password_starts_no_session_after_a_change(
    app: Flask, ctx: Context, customer: Account, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password changed between the check of the old one and the start of the session.

    Without the hash in the WHERE of the insert, whoever knew the old password would keep a session.
    """
    verify = ctx.hasher.verify

    def verify_and_lose_the_race(password: str, hashed: str | None) -> bool:
        valid = verify(password, hashed)
        customer.client.patch(customer.path, json={"password": "a new long password"})
        return valid

    monkeypatch.setattr(ctx.hasher, "verify", verify_and_lose_the_race)

    with pytest.raises(InvalidCredentials):
        service.log_in(ctx, "customer", customer.email, PASSWORD, Origin())

    assert db.one("SELECT count(*) FROM login_session")["count"] == 1


def test_a_session_started_while_the_password_changes_is_seen_and_ended(
    ctx: Context, customer: Account, db: Db
) -> None:
    """A change that has not committed yet makes the start of a session wait, and then fail.

    Without FOR SHARE it would start from the old row, and the change would have ended all sessions but this one.
    """
    account = db.one("SELECT customer_id, password FROM customer")
    started: list[bool] = []

    def start() -> None:
        with ctx.db.writing() as conn:
            started.append(
                login_sql.start(
                    conn,
                    "customer",
                    digest=hashlib.sha256(b"x").digest(),
                    account_id=account["customer_id"],
                    password=account["password"],
                    seconds=60,
                    ip=None,
                    user_agent=None,
                )
            )

    with ctx.db.writing() as conn:
        conn.exec_driver_sql("UPDATE customer SET password = 'changed'")
        thread = threading.Thread(target=start)
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
        sql.end_all(conn, "customer", account["customer_id"])
    thread.join()

    assert started == [False]
    assert db.one("SELECT count(*) FROM login_session")["count"] == 0


def waiting_for_a_lock(db: Db) -> bool:
    return bool(db.all("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("the condition never came")


def test_reads_of_one_stale_session_at_once_extend_it_and_all_succeed(app: Flask, customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET last_seen_at = now() - interval '1 h'")

    statuses = at_once(16, lambda _: new_client(app).get(customer.path, headers=customer.headers).status_code)

    assert Counter(statuses) == {200: 16}


def test_logins_that_renew_one_weak_hash_at_once_all_succeed(make_app: Callable[..., Flask], customer: Account) -> None:
    app = make_app(bcrypt_rounds=5)

    sids = at_once(8, lambda _: log_in(new_client(app), customer.email))

    assert len(set(sids)) == 8
    assert all(isinstance(sid, str) for sid in sids)


@pytest.mark.parametrize("ended_by", ["logout", "password", "status"])
@pytest.mark.parametrize("act", ["password", "full_name", "delete"])
def test_who_is_thrown_out_while_a_request_waits_does_not_get_a_last_word_in(
    ctx: Context,
    customer: Account,
    admin: Account,
    db: Db,
    monkeypatch: pytest.MonkeyPatch,
    ended_by: str,
    act: str,
) -> None:
    """The session ends after the request was let in and before it writes, as it may while a password is hashed.

    Without a second look inside the transaction, a thief's change of the password would win over the victim's.
    """
    end: Callable[[], Any] = {
        "logout": lambda: customer.client.post("/customers/logout"),
        "password": lambda: admin.client.patch(customer.path, json={"password": "the victims new password"}),
        "status": lambda: admin.client.patch(customer.path, json={"status": 0}),
    }[ended_by]
    writing = ctx.db.writing
    ended: list[bool] = []

    def write_too_late() -> Any:
        if not ended:
            ended.append(True)
            end()
        return writing()

    monkeypatch.setattr(ctx.db, "writing", write_too_late)
    body = {"password": "the thiefs new password"} if act == "password" else {"full_name": "Thief"}
    late = customer.client.delete(customer.path) if act == "delete" else customer.client.patch(customer.path, json=body)

    assert late.status_code == 401
    assert db.one("SELECT full_name FROM customer") == {"full_name": "Ann Customer"}
    if ended_by == "password":
        log_in(new_client(customer.client.application), customer.email, "the victims new password")


def test_of_sessions_that_end_all_others_at_once_one_stays(app: Flask, customer: Account) -> None:
    sids = [customer.sid, *(log_in(new_client(app), customer.email) for _ in range(7))]

    def end_others(number: int) -> int:
        headers = {"X-Session-ID": sids[number]}
        return new_client(app).delete(f"{customer.path}/sessions", headers=headers).status_code

    statuses = at_once(8, end_others)

    alive = [
        sid for sid in sids if new_client(app).get(customer.path, headers={"X-Session-ID": sid}).status_code == 200
    ]
    assert Counter(statuses) == {200: 1, 401: 7}
    assert len(alive) == 1
