"""Limits on registrations and on requests for new passwords, by network."""

from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from customers.errors import Busy
from customers.http import context
from customers.security import limits
from customers.security.callers import Origin
from tests.conftest import PASSWORD, Account, new_client
from tests.security.conftest import Make
from tests.support.database import Db
from tests.support.limits import HOME, pass_time, refused
from tests.support.threads import at_once


@pytest.fixture
def limited(make_app: Make, tmp_path: Path) -> Flask:
    """Return an application with the limits that the settings have by default, that can send mail."""
    return make_app(trusted_proxies=1, limit_registrations=20, limit_reset_requests=10, mail_directory=tmp_path)


def register(app: Flask, number: int, ip: str = HOME, **headers: str) -> TestResponse:
    body = {"email": f"new{number}@example.com", "password": PASSWORD, "full_name": "New"}
    return new_client(app).post("/api/customers", json=body, headers={"X-Forwarded-For": ip, **headers})


def ask(app: Flask, email: str = "nobody@example.com", ip: str = HOME) -> TestResponse:
    body = {"email": email}
    return new_client(app).post("/api/customers/reset-password", json=body, headers={"X-Forwarded-For": ip})


# ---------------------------------------------------------------- registrations


def test_a_network_may_register_20_times_an_hour(limited: Flask, db: Db) -> None:
    assert [register(limited, number).status_code for number in range(20)] == [201] * 20

    assert 3000 < refused(register(limited, 20), "too_many_requests") <= 3600
    assert register(limited, 20, ip="203.0.113.10").status_code == 201
    pass_time(db, 3600)
    assert register(limited, 21).status_code == 201


def test_a_taken_e_mail_counts_so_that_nobody_finds_out_who_has_an_account(make_app: Make) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=3)

    answers = [register(app, 1).status_code for _ in range(4)]

    assert answers == [201, 409, 409, 429]


def test_a_malformed_registration_does_not_count(limited: Flask) -> None:
    for _ in range(25):
        assert new_client(limited).post("/api/customers", json={}).status_code == 400

    assert register(limited, 1).status_code == 201


def test_customers_are_counted_and_admins_are_not(make_app: Make, customer: Account, admin: Account) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=2)
    for number in range(2):
        assert register(app, number, **{"X-Session-ID": customer.sid}).status_code == 201

    refused(register(app, 2, **{"X-Session-ID": customer.sid}), "too_many_requests")
    assert register(app, 2, **{"X-Session-ID": admin.sid}).status_code == 201


def test_a_replay_is_neither_counted_nor_refused(make_app: Make, customer: Account) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=2)
    again = {"X-Session-ID": customer.sid, "Idempotency-Key": "once"}

    answers = [register(app, 0, **again) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {201}
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None] + ["true"] * 4
    assert register(app, 1).status_code == 201
    refused(register(app, 2), "too_many_requests")
    assert register(app, 0, **again).status_code == 201


def test_a_registration_that_was_not_hashed_is_given_back(limited: Flask, db: Db) -> None:
    ctx = context.of(limited)

    for _ in range(3):
        with pytest.raises(Busy), limits.request(ctx.db, ctx.settings, "registrations", Origin(HOME)):
            raise Busy()

    assert db.all("SELECT FROM attempt_counter") == []


def test_of_24_registrations_at_once_on_two_instances_ten_are_done(make_app: Make, db: Db) -> None:
    instances = [make_app(limit_registrations=10), make_app(limit_registrations=10)]

    answers = at_once(24, lambda number: register(instances[number % 2], number).status_code)

    assert sorted(answers) == [201] * 10 + [429] * 14
    assert db.one("SELECT count(*) FROM customer")["count"] == 10


# ---------------------------------------------------------------- requests for new passwords


def test_a_network_may_ask_for_ten_new_passwords_an_hour_whatever_the_e_mail(
    limited: Flask, customer: Account, db: Db
) -> None:
    asked = [ask(limited, customer.email if number % 2 else f"nobody{number}@example.com") for number in range(10)]

    known, unknown = ask(limited, customer.email), ask(limited)

    assert {(answer.status_code, answer.text) for answer in asked} == {(200, asked[0].text)}
    assert known.get_json() == unknown.get_json()
    assert 3000 < refused(known, "too_many_requests") <= 3600
    assert db.one("SELECT count(*) FROM outbox_mail WHERE kind = 'reset_password'")["count"] == 10
    assert ask(limited, ip="203.0.113.10").status_code == 200
    pass_time(db, 3600)
    assert ask(limited, customer.email).status_code == 200


def test_without_mail_nothing_is_counted(make_app: Make, db: Db) -> None:
    assert ask(make_app(limit_reset_requests=10)).status_code == 503
    assert db.all("SELECT FROM attempt_counter") == []


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("limit", ["limit_registrations", "limit_reset_requests"])
def test_a_48_may_ask_ten_times_as_often_as_one_of_its_64s(make_app: Make, tmp_path: Path, limit: str) -> None:
    app = make_app(trusted_proxies=1, mail_directory=tmp_path, **{limit: 1})

    def act(number: int, ip: str) -> TestResponse:
        return register(app, number, ip) if limit == "limit_registrations" else ask(app, ip=ip)

    answers = [act(number, f"2001:db8:1:{number}::1").status_code for number in range(10)]

    assert set(answers) == {201 if limit == "limit_registrations" else 200}
    refused(act(10, "2001:db8:1:ffff::1"), "too_many_requests")
    assert act(11, "2001:db8:2::1").status_code == answers[0]
