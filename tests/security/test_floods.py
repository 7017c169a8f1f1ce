"""Limits on registrations and on requests for new passwords, by network."""

from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from customers.errors import Busy
from customers.http import context
from customers.security import limits
from customers.security.callers import Origin
from tests.conftest import Account, new_client
from tests.security.conftest import Make
from tests.support.builders import CUSTOMERS, NEW
from tests.support.database import Db
from tests.support.limits import HOME, pass_time, refused


@pytest.fixture
def limited(make_app: Make, tmp_path: Path) -> Flask:
    """Return an application with the limits that the settings have by default, that can send mail."""
    return make_app(trusted_proxies=1, limit_registrations=20, limit_reset_requests=10, mail_directory=tmp_path)


def register(app: Flask, number: int, ip: str = HOME, **headers: str) -> TestResponse:
    body = {**NEW, "email": f"new{number}@example.com"}
    return new_client(app).post(CUSTOMERS, json=body, headers={"X-Forwarded-For": ip, **headers})


def ask(app: Flask, email: str = "nobody@example.com", ip: str = HOME) -> TestResponse:
    headers = {"X-Forwarded-For": ip}
    return new_client(app).post(f"{CUSTOMERS}/reset-password", json={"email": email}, headers=headers)


# ---------------------------------------------------------------- registrations


def test_a_network_may_register_20_times_an_hour_and_a_malformed_one_does_not_count(limited: Flask, db: Db) -> None:
    assert new_client(limited).post(CUSTOMERS, json={}, headers={"X-Forwarded-For": HOME}).status_code == 400
    assert [register(limited, number).status_code for number in range(20)] == [201] * 20

    assert 3000 < refused(register(limited, 20), "too_many_requests") <= 3600
    assert register(limited, 20, ip="203.0.113.10").status_code == 201
    pass_time(db, 3600)
    assert register(limited, 21).status_code == 201


def test_a_taken_e_mail_counts_so_that_nobody_finds_out_who_has_an_account(make_app: Make) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=3)

    assert [register(app, 1).status_code for _ in range(4)] == [201, 409, 409, 429]


def test_customers_are_counted_but_for_a_replay_and_admins_are_not(
    make_app: Make, customer: Account, admin: Account
) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=2)
    again = {**customer.headers, "Idempotency-Key": "once"}

    assert [register(app, 0, **again).status_code for _ in range(3)] == [201] * 3
    assert register(app, 1, **customer.headers).status_code == 201
    refused(register(app, 2, **customer.headers), "too_many_requests")
    assert register(app, 0, **again).headers["Idempotent-Replayed"] == "true"
    assert register(app, 2, **admin.headers).status_code == 201


def test_a_registration_that_was_not_hashed_is_given_back(limited: Flask, db: Db) -> None:
    ctx = context.of(limited)

    with pytest.raises(Busy), limits.request(ctx.db, ctx.settings, "registrations", Origin(HOME)):
        raise Busy()

    assert db.all("SELECT FROM attempt_counter") == []


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


def test_a_48_may_ask_ten_times_as_often_as_one_of_its_64s(make_app: Make) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=1)

    assert [register(app, number, f"2001:db8:1:{number}::1").status_code for number in range(10)] == [201] * 10
    refused(register(app, 10, "2001:db8:1:ffff::1"), "too_many_requests")
    assert register(app, 10, "2001:db8:2::1").status_code == 201
