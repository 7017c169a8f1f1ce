"""Limits on registrations and on requests for new passwords, by network; and the rate at which refusals leave."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from customers.errors import Busy
from customers.limits.pace import Pace
from customers.outbox.transport import Folder
from customers.security.hashing import Hasher
from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db
from tests.support.limits import HOME, pass_time, refused
from tests.test_races import at_once

Make = Callable[..., Flask]


@pytest.fixture
def limited(make_app: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Return an application with the limits that the settings have by default, that can send mail."""
    app = make_app(trusted_proxies=1, limit_registrations=20, limit_reset_requests=10)
    monkeypatch.setattr(app.extensions["customers"].mail, "transport", Folder(tmp_path))
    return app


def register(app: Flask, number: int, ip: str = HOME, **headers: str) -> TestResponse:
    body = {"email": f"new{number}@example.com", "password": PASSWORD, "full_name": "New"}
    return new_client(app).post("/api/customers", json=body, headers={"X-Forwarded-For": ip, **headers})


def ask(app: Flask, email: str, ip: str = HOME, **headers: str) -> TestResponse:
    body = {"email": email}
    return new_client(app).post("/api/customers/reset-password", json=body, headers={"X-Forwarded-For": ip, **headers})


# ---------------------------------------------------------------- registrations


def test_a_network_may_register_20_times_an_hour(limited: Flask, db: Db) -> None:
    assert [register(limited, number).status_code for number in range(20)] == [201] * 20

    assert 3500 < refused(register(limited, 20), "too_many_requests") <= 3600
    assert register(limited, 20, ip="203.0.113.10").status_code == 201
    pass_time(db, 3600)
    assert register(limited, 21).status_code == 201


def test_a_taken_address_counts_so_that_nobody_finds_out_who_has_an_account(limited: Flask, customer: Account) -> None:
    body = {"email": customer.email, "password": PASSWORD, "full_name": "New"}

    answers = [
        new_client(limited).post("/api/customers", json=body, headers={"X-Forwarded-For": HOME}).status_code
        for _ in range(21)
    ]

    assert answers == [409] * 20 + [429]


def test_a_malformed_registration_does_not_count(limited: Flask) -> None:
    for _ in range(25):
        assert new_client(limited).post("/api/customers", json={}).status_code == 400

    assert register(limited, 1).status_code == 201


def test_customers_are_counted_and_admins_are_not(limited: Flask, customer: Account, admin: Account) -> None:
    for number in range(20):
        assert register(limited, number, **{"X-Session-ID": customer.sid}).status_code == 201

    refused(register(limited, 20, **{"X-Session-ID": customer.sid}), "too_many_requests")
    assert register(limited, 20, **{"X-Session-ID": admin.sid}).status_code == 201


def test_a_replay_is_not_counted_and_not_refused(limited: Flask) -> None:
    first = register(limited, 0, **{"Idempotency-Key": "once"})
    replays = [register(limited, 0, **{"Idempotency-Key": "once"}) for _ in range(25)]

    assert first.status_code == 201
    assert {replay.status_code for replay in replays} == {201}
    assert {replay.headers["Idempotent-Replayed"] for replay in replays} == {"true"}
    assert [register(limited, number).status_code for number in range(1, 20)] == [201] * 19
    refused(register(limited, 20), "too_many_requests")
    assert register(limited, 0, **{"Idempotency-Key": "once"}).status_code == 201


def test_one_key_sent_many_times_at_once_is_counted_once(make_app: Make, db: Db) -> None:
    app = make_app(limit_registrations=20)

    at_once(16, lambda _: register(app, 0, **{"Idempotency-Key": "once"}).status_code)

    assert db.one("SELECT attempts FROM attempt_counter") == {"attempts": 1}


def test_a_registration_that_was_not_hashed_is_given_back(
    limited: Flask, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> str:
        raise Busy()

    monkeypatch.setattr(Hasher, "hash", busy)

    assert [register(limited, number).status_code for number in range(3)] == [503] * 3
    assert db.all("SELECT FROM attempt_counter") == []


def test_of_60_registrations_at_once_on_two_instances_20_are_done(make_app: Make, db: Db) -> None:
    instances = [make_app(limit_registrations=20), make_app(limit_registrations=20)]

    answers = at_once(60, lambda number: register(instances[number % 2], number).status_code)

    assert sorted(answers) == [201] * 20 + [429] * 40
    assert db.one("SELECT count(*) FROM customer")["count"] == 20


# ---------------------------------------------------------------- requests for new passwords


def test_a_network_may_ask_for_ten_new_passwords_an_hour_whatever_the_address(
    limited: Flask, customer: Account, db: Db
) -> None:
    asked = [ask(limited, customer.email if number % 2 else f"nobody{number}@example.com") for number in range(10)]

    known, unknown = ask(limited, customer.email), ask(limited, "nobody@example.com")

    assert {(answer.status_code, answer.text) for answer in asked} == {(200, asked[0].text)}
    assert known.get_json() == unknown.get_json()
    assert 3500 < refused(known, "too_many_requests") <= 3600
    assert db.one("SELECT count(*) FROM outbox_mail WHERE kind = 'reset_password'")["count"] == 10
    assert ask(limited, customer.email, ip="203.0.113.10").status_code == 200
    pass_time(db, 3600)
    assert ask(limited, customer.email).status_code == 200


def test_without_mail_nothing_is_counted(make_app: Make, db: Db) -> None:
    assert ask(make_app(limit_reset_requests=10), "nobody@example.com").status_code == 503
    assert db.all("SELECT FROM attempt_counter") == []


# ---------------------------------------------------------------- the rate of refusals


def test_refusals_at_once_leave_one_after_the_other() -> None:
    pace = Pace(places=16, per_second=200)
    began = time.monotonic()

    at_once(16, lambda _: pace.wait(0))

    assert 15 / 200 <= time.monotonic() - began < 5


def test_refusals_leave_threads_free_for_others() -> None:
    """At one a second the fourth would wait for three seconds; but there are but two places, one of them taken."""
    pace = Pace(places=2, per_second=0.1)
    pace.wait(0)  # its turn is at once
    waiting = threading.Thread(target=pace.wait, args=(0,), daemon=True)
    waiting.start()
    while pace._waiting < 1:
        threading.Event().wait(0.001)
    began = time.monotonic()

    pace.wait(1)

    assert time.monotonic() - began < 1


def test_what_is_shed_waits_its_turn_and_a_read_does_not(make_app: Make) -> None:
    app = make_app(limit_registrations=1)
    app.extensions["customers"].pace._seconds = 0.2
    assert register(app, 0).status_code == 201
    refused(register(app, 1), "too_many_requests")
    began = time.monotonic()

    refused(register(app, 2), "too_many_requests")
    took = time.monotonic() - began
    began = time.monotonic()
    assert new_client(app).get("/readyz").status_code == 200

    assert 0.1 < took < 5
    assert time.monotonic() - began < 0.15
