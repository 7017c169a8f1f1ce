"""Limits on guessing passwords: by account and network, by network, by account."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import bcrypt
import pytest
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import event
from werkzeug.test import TestResponse

from customers.http import context
from tests.conftest import PASSWORD, Account, new_client
from tests.security.conftest import Make, lengthen_pauses, shut_out
from tests.support.answers import data_of
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, WRONG, attempt, pass_time, refused, right, statuses
from tests.support.smtp import NEW_PASSWORD, Mailing, MailServer

LOGIN = {"customer": "/customer/login", "admin": "/admin/user/login"}


# ---------------------------------------------------------------- by account and network


def test_five_attempts_are_free_and_then_the_pause_doubles_up_to_a_quarter_of_an_hour(limited: Flask, db: Db) -> None:
    assert statuses(limited, 5) == [401] * 5

    # Counted for a day beyond the longest pause, from the last attempt.
    pause = "SELECT 87300 - extract(epoch FROM expires_at - open_at)::int AS seconds FROM attempt_counter"
    pauses = []
    for _ in range(12):
        pauses.append(db.one(f"{pause} WHERE attempts > 4 AND expires_at > now() + interval '1 day'")["seconds"])
        pass_time(db, pauses[-1])
        db.execute("UPDATE attempt_counter SET attempts = 1 WHERE attempts > 25")  # the network's own limit
        assert attempt(limited, NOBODY).status_code == 401

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_refusal_neither_counts_nor_lengthens_the_pause_nor_writes_and_its_retry_after_is_true(
    limited: Flask, db: Db
) -> None:
    shut_out(limited, db)
    seconds = refused(attempt(limited, NOBODY))  # the first refusal is noted
    before = db.all("SELECT *, xmin FROM attempt_counter ORDER BY digest")

    waits = [refused(attempt(limited, NOBODY)) for _ in range(10)]

    assert db.all("SELECT *, xmin FROM attempt_counter ORDER BY digest") == before
    assert 600 >= seconds >= waits[0]
    assert waits == sorted(waits, reverse=True)
    pass_time(db, waits[-1] - 300)
    early = refused(attempt(limited, NOBODY))
    pass_time(db, early)
    assert 1 <= early <= 300
    assert attempt(limited, NOBODY).status_code == 401


def test_a_success_clears_the_account_and_network_and_so_does_a_day(limited: Flask, customer: Account, db: Db) -> None:
    for _ in range(2):
        assert statuses(limited, 4, customer.email) == [401] * 4
        assert right(limited, customer.email) == 200
    assert statuses(limited, 4, customer.email) == [401] * 4
    pass_time(db, 24 * 3600 + 900)
    shut_out(limited, db, customer.email)


def test_the_case_of_an_e_mail_makes_no_difference_nor_does_the_right_password(
    limited: Flask, make_customer: Callable[..., Account], db: Db
) -> None:
    make_customer("ann@example.com")
    spellings = ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@example.com", "ann@Example.com", " ann@example.com "]

    assert [attempt(limited, email).status_code for email in spellings] == [401] * 5
    lengthen_pauses(db)
    refused(attempt(limited, "ann@example.com", PASSWORD))


def test_accounts_kinds_and_networks_have_pauses_of_their_own(limited: Flask, db: Db) -> None:
    shut_out(limited, db, ip="2001:db8:1:2::1")

    assert attempt(limited, "other@example.com", ip="2001:db8:1:2::1").status_code == 401
    assert attempt(limited, NOBODY, ip="2001:db8:1:2::1", path=LOGIN["admin"]).status_code == 401
    assert attempt(limited, NOBODY, ip="2001:db8:1:3::1").status_code == 401
    refused(attempt(limited, NOBODY, ip="2001:db8:1:2:ffff::9"))


# ---------------------------------------------------------------- by network


def test_a_network_may_fail_30_times_in_a_quarter_of_an_hour(limited: Flask, customer: Account, db: Db) -> None:
    tried = [attempt(limited, f"nobody{number}@example.com").status_code for number in range(30)]

    assert tried == [401] * 30
    seconds = refused(attempt(limited, customer.email, PASSWORD))
    assert 800 < seconds <= 900
    assert right(limited, customer.email, ip="203.0.113.10") == 200
    pass_time(db, seconds - 300)
    assert 1 <= refused(attempt(limited, customer.email, PASSWORD)) <= 300
    pass_time(db, 300)
    assert right(limited, customer.email) == 200


def test_successes_do_not_count_against_a_network_and_failures_at_customers_and_admins_add_up(
    limited: Flask, customer: Account
) -> None:
    assert [right(limited, customer.email) for _ in range(31)] == [200] * 31
    for number in range(15):
        for path in LOGIN.values():
            assert attempt(limited, f"nobody{number}@example.com", path=path).status_code == 401

    for path in LOGIN.values():
        refused(attempt(limited, "another@example.com", path=path))


@pytest.mark.parametrize("limit", ["limit_free_attempts", "limit_network_failures"])
def test_a_48_may_fail_ten_times_as_often_as_one_of_its_64s(make_app: Make, db: Db, limit: str) -> None:
    """A provider gives many customers a /48 of their own: 65,536 networks, which would each have a limit's worth."""
    app = make_app(trusted_proxies=1, **{limit: 1})

    tried = [attempt(app, NOBODY, ip=f"2001:db8:1:{number}::1").status_code for number in range(10)]

    lengthen_pauses(db)

    assert tried == [401] * 10
    refused(attempt(app, NOBODY, ip="2001:db8:1:ffff::1"))
    assert attempt(app, NOBODY, ip="2001:db8:2::1").status_code == 401


def test_guesses_from_one_48_lock_no_owner_out_of_a_new_network(limited: Flask, customer: Account, db: Db) -> None:
    """Cause: 100 wrong guesses from the /64s of one /48 closed the account to all networks but known ones."""
    tried = [attempt(limited, customer.email, ip=f"2001:db8:1:{number}::1").status_code for number in range(50)]
    lengthen_pauses(db)
    tried += [attempt(limited, customer.email, ip=f"2001:db8:1:{number}::1").status_code for number in range(50, 110)]

    assert tried == [401] * 50 + [429] * 60
    assert right(limited, customer.email, ip="2001:db8:2::1") == 200


# ---------------------------------------------------------------- by account


def from_everywhere(app: Flask, email: str, path: str = LOGIN["customer"]) -> None:
    """Fail a hundred times, four times from each of 25 networks."""
    for number in range(25):
        assert statuses(app, 4, email, ip=f"198.51.100.{number}", path=path) == [401] * 4


@pytest.mark.parametrize("kind", LOGIN)
def test_after_100_failures_only_networks_of_former_success_may_try(
    limited: Flask, accounts: dict[str, Account], kind: str, db: Db
) -> None:
    email, path = accounts[kind].email, LOGIN[kind]
    right(limited, email, path=path)
    from_everywhere(limited, email, path)

    strangers = attempt(limited, email, PASSWORD, "192.0.2.1", path)
    owner = right(limited, email, path=path)

    assert 3000 < refused(strangers) <= 3600
    assert owner == 200
    shut_out(limited, db, email, path=path)  # known, and bound by the other limits
    refused(attempt(limited, email, path=path))
    assert refused(attempt(limited, email, PASSWORD, "192.0.2.1", path)) > 3000
    assert db.one("SELECT max(attempts) FROM attempt_counter") == {"max": 100}
    pass_time(db, 3600)
    assert right(limited, email, ip="192.0.2.1", path=path) == 200


def test_a_network_is_known_to_an_account_for_30_days_after_the_last_login(
    limited: Flask, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    right(limited, customer.email, ip="2001:db8:1:2::1")
    right(limited, customer.email)
    right(limited, make_customer().email, ip="203.0.113.10")  # which is another account's
    db.execute("UPDATE login_network SET last_login_at = now() - interval '30 days' WHERE network = '203.0.113.9'")
    db.execute("UPDATE login_network SET last_login_at = now() - interval '29 days' WHERE family(network) = 6")
    from_everywhere(limited, customer.email)

    for ip in (HOME, "203.0.113.10"):
        refused(attempt(limited, customer.email, PASSWORD, ip))
    assert right(limited, customer.email, ip="2001:db8:1:2::abcd") == 200


def test_a_login_notes_its_network_once_a_day(limited: Flask, customer: Account, db: Db) -> None:
    known = "SELECT last_login_at, xmin FROM login_network WHERE network = '203.0.113.9/32'"
    right(limited, customer.email)
    first = db.one(known)

    right(limited, customer.email)
    assert db.one(known) == first
    db.execute("UPDATE login_network SET last_login_at = last_login_at - interval '25 hours'")
    right(limited, customer.email)
    assert db.one(known)["last_login_at"] > first["last_login_at"]


def test_a_completed_reset_lets_the_owner_in_from_a_new_network(make_app: Make, customer: Account, db: Db) -> None:
    """Its owner has proved to be the owner: the failures are cleared, and the network is a known one."""
    with MailServer() as smtp:
        limits = {"trusted_proxies": 1, "limit_account_failures": 3, "limit_free_attempts": 0, "smtp_timeout": 10}
        mailing = Mailing(make_app, smtp, db, **limits)
        token = mailing.token(customer.email)
        statuses(mailing.app, 3, customer.email, ip="198.51.100.1")
        locked_out = attempt(mailing.app, customer.email, PASSWORD)

        body = {"token": token, "password": NEW_PASSWORD}
        reset = new_client(mailing.app).post("/api/customers/password", json=body, headers={"X-Forwarded-For": HOME})
        cleared = attempt(mailing.app, customer.email, ip="198.51.100.2")
        statuses(mailing.app, 3, customer.email, ip="198.51.100.1")

    refused(locked_out)
    assert (reset.status_code, cleared.status_code) == (200, 401)
    refused(attempt(mailing.app, customer.email, NEW_PASSWORD, ip="198.51.100.3"))
    assert attempt(mailing.app, customer.email, NEW_PASSWORD).status_code == 200


# ---------------------------------------------------------------- the current password


def change(app: Flask, customer: Account, current: str) -> TestResponse:
    body = {"current_password": current, "password": "another long password"}
    headers = {**customer.headers, "X-Forwarded-For": HOME}
    return new_client(app).post("/api/customers/me/password", json=body, headers=headers)


def test_the_current_password_is_guessed_by_the_same_counters_which_the_right_one_clears(
    limited: Flask, customer: Account, db: Db
) -> None:
    assert [change(limited, customer, WRONG).status_code for _ in range(2)] == [403] * 2
    assert statuses(limited, 3, customer.email) == [401] * 3
    lengthen_pauses(db)

    refused(change(limited, customer, PASSWORD))
    refused(attempt(limited, customer.email, PASSWORD))
    pass_time(db, 600)
    assert change(limited, customer, PASSWORD).status_code == 200
    assert statuses(limited, 5, customer.email) == [401] * 5


# ---------------------------------------------------------------- settings


def test_each_limit_is_a_setting_and_0_switches_it_off(make_app: Make, db: Db) -> None:
    assert statuses(make_app(trusted_proxies=1), 40) == [401] * 40
    assert db.all("SELECT FROM attempt_counter") == []

    paused = make_app(trusted_proxies=1, limit_free_attempts=5, limit_longest_pause=1)
    shut_out(paused, db)
    pass_time(db, 600)
    assert statuses(paused, 1) == [401]
    assert db.one("SELECT expires_at - open_at AS rest FROM attempt_counter")["rest"] == timedelta(days=1)

    by_account = make_app(trusted_proxies=1, limit_account_failures=2)
    assert [attempt(by_account, NOBODY, ip=f"192.0.2.{n}").status_code for n in range(3)] == [401, 401, 429]


# ---------------------------------------------------------------- what a refusal tells, and what it costs


@pytest.mark.parametrize("kind", LOGIN)
def test_a_refusal_looks_the_same_whether_or_not_the_account_exists(
    limited: Flask, accounts: dict[str, Account], db: Db, kind: str
) -> None:
    def said(response: TestResponse) -> Any:
        headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
        return response.status_code, headers, response.text

    def answer(email: str, ip: str) -> Any:
        lengthen_pauses(db)
        return said(attempt(limited, email, ip=ip, path=LOGIN[kind]))

    known = [answer(accounts[kind].email, "192.0.2.1") for _ in range(7)]
    unknown = [answer(NOBODY, "192.0.2.2") for _ in range(7)]

    assert [status for status, *_ in known] == [401] * 5 + [429] * 2
    assert known == unknown


def test_a_refusal_asks_the_database_one_thing_and_hashes_nothing(
    limited: Flask, customer: Account, monkeypatch: pytest.MonkeyPatch, db: Db
) -> None:
    executed: list[str] = []
    for email in (customer.email, NOBODY):
        shut_out(limited, db, email)
        refused(attempt(limited, email))  # the first of a pause is recorded
    event.listen(
        context.of(limited).db.engine, "before_cursor_execute", lambda _conn, _cursor, sql, *_: executed.append(sql)
    )
    for name in ("checkpw", "hashpw"):
        monkeypatch.setattr(bcrypt, name, lambda *_: pytest.fail("a password was hashed"))

    for email in (customer.email, NOBODY):
        refused(attempt(limited, email))

    assert len(executed) == 2
    assert len(set(executed)) == 1
    assert "customers_count_attempt" in executed[0]


@pytest.mark.parametrize("known", [True, False])
def test_the_first_refusal_of_each_pause_is_recorded_and_no_other(
    limited: Flask, customer: Account, db: Db, known: bool
) -> None:
    email = customer.email if known else NOBODY
    shut_out(limited, db, email)
    for _ in range(2):
        for _ in range(3):
            refused(attempt(limited, email))
        pass_time(db, 600)
        statuses(limited, 1, email)
        lengthen_pauses(db)

    recorded = db.all("SELECT actor_kind, subject_uuid, host(ip) AS ip FROM audit_log WHERE event = 'login_throttled'")
    subject = UUID(customer.uuid) if known else None
    assert [tuple(row.values()) for row in recorded] == [("anonymous", subject, HOME)] * 2


def test_refusals_are_counted_by_limit_and_logins_as_throttled(limited: Flask, db: Db) -> None:
    samples: list[tuple[str, dict[str, str]]] = [
        ("customers_limit_refusals_total", {"limit": "account_and_network"}),
        ("customers_limit_refusals_total", {"limit": "network"}),
        ("customers_logins_total", {"kind": "customer", "outcome": "throttled"}),
    ]
    before = [REGISTRY.get_sample_value(*sample) or 0 for sample in samples]
    shut_out(limited, db)
    statuses(limited, 2)

    now = [REGISTRY.get_sample_value(*sample) or 0 for sample in samples]
    assert [value - then for value, then in zip(now, before, strict=True)] == [2, 0, 2]


# ---------------------------------------------------------------- what is kept


def test_a_flood_of_e_mails_adds_as_many_rows_as_a_network_may_fail_and_stores_neither_e_mail_nor_network(
    limited: Flask, db: Db
) -> None:
    for number in range(35):
        attempt(limited, f"nobody{number}@example.com")

    rows = db.all("SELECT * FROM attempt_counter")
    assert len(rows) == 30 + 30 + 1
    assert not any(text in str(rows) for text in ("nobody", HOME))


def test_expired_counters_are_deleted_by_the_attempts_that_follow(limited: Flask, db: Db) -> None:
    db.execute(
        "INSERT INTO attempt_counter (digest, attempts, open_at, expires_at)"
        " SELECT sha256(n::text::bytea), 1, now(), now() - interval '1 s' FROM generate_series(1, 100) AS n"
    )

    sizes = []
    for _ in range(3):
        attempt(limited, NOBODY)
        sizes.append(db.one("SELECT count(*) FROM attempt_counter")["count"])

    assert sizes == [83, 63, 43]


def test_known_networks_are_deleted_with_the_account(limited: Flask, customer: Account, admin: Account, db: Db) -> None:
    right(limited, customer.email)
    data_of(admin.client.delete(customer.path))

    assert db.all("SELECT FROM login_network WHERE customer_id IS NOT NULL") == []
