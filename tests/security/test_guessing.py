"""Limits on guessing passwords: by account and network, by network, by account."""

from typing import Any
from uuid import UUID

import bcrypt
import psycopg
import pytest
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import text
from werkzeug.test import TestResponse

from customers.http import context
from tests.conftest import PASSWORD, Account, MakeApp, MakeCustomer, new_client
from tests.security.conftest import GUESSING, LOGINS, counters, fail_99_times, lengthen_pauses, shut_out
from tests.support.builders import CUSTOMERS, ME, NEW_PASSWORD, reset_token
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, WRONG, attempt, pass_time, refused, right, statuses
from tests.support.round_trips import round_trips


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


def test_a_refusal_is_cheap_and_its_wait_is_true(make_app: MakeApp, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks one thing, hashes nothing, and changes nothing."""
    # To prepare a statement would be a round trip of its own.
    app = make_app(trusted_proxies=1, prepared_statements=False, **GUESSING)
    shut_out(app, db)
    waits = [refused(attempt(app, NOBODY))]  # the first refusal of a pause is noted
    stored = "SELECT *, xmin FROM attempt_counter ORDER BY digest"
    before = db.all(stored)

    with monkeypatch.context() as patch:
        for name in ("checkpw", "hashpw"):
            patch.setattr(bcrypt, name, lambda *_: pytest.fail("a password was hashed"))
        assert round_trips(context.of(app), lambda: waits.append(refused(attempt(app, NOBODY)))) == 1

    assert db.all(stored) == before
    assert 600 >= waits[0] >= waits[1]
    pass_time(db, waits[1] - 300)
    early = refused(attempt(app, NOBODY))
    pass_time(db, early)
    assert 1 <= early <= 300
    assert attempt(app, NOBODY).status_code == 401


def test_a_success_clears_the_account_and_network_and_so_does_a_day(limited: Flask, customer: Account, db: Db) -> None:
    for _ in range(2):
        assert statuses(limited, 4, customer.email) == [401] * 4
        assert right(limited, customer.email) == 200
    assert statuses(limited, 4, customer.email) == [401] * 4
    pass_time(db, 24 * 3600 + 900)
    shut_out(limited, db, customer.email)


def test_accounts_kinds_and_networks_have_their_own_pauses(limited: Flask, make_customer: MakeCustomer, db: Db) -> None:
    make_customer("ann@example.com")
    here = "2001:db8:1:2::1"
    for email in ("ann@example.com", "ANN@EXAMPLE.COM", "Ann@example.com", "ann@Example.com", " ann@example.com "):
        assert attempt(limited, email, ip=here).status_code == 401
    lengthen_pauses(db)

    refused(attempt(limited, "ann@example.com", PASSWORD, ip="2001:db8:1:2:ffff::9"))
    assert attempt(limited, NOBODY, ip=here).status_code == 401
    assert attempt(limited, "ann@example.com", ip=here, path=LOGINS[1]).status_code == 401
    assert right(limited, "ann@example.com", ip="2001:db8:1:3::1") == 200


def test_a_network_may_fail_30_times_in_a_quarter_of_an_hour(limited: Flask, customer: Account, db: Db) -> None:
    """At customers and admins together; successes do not count. A flood of e-mails adds no more rows than that."""
    for number in range(15):
        assert right(limited, customer.email) == 200
        for path in LOGINS:
            assert attempt(limited, f"nobody{number}@example.com", path=path).status_code == 401

    refused(attempt(limited, "another@example.com", path=LOGINS[1]))
    seconds = refused(attempt(limited, customer.email, PASSWORD))
    rows = db.all("SELECT * FROM attempt_counter WHERE attempts > 0")
    assert len(rows) == 30 + 30 + 1
    assert not any(text in str(rows) for text in ("nobody", HOME)), "neither e-mail nor network is stored"
    assert 800 < seconds <= 900
    assert right(limited, customer.email, ip="203.0.113.10") == 200
    pass_time(db, seconds - 300)
    assert 1 <= refused(attempt(limited, customer.email, PASSWORD)) <= 300
    pass_time(db, 300)
    assert right(limited, customer.email) == 200


def test_after_100_failures_only_networks_of_former_success_may_try(limited: Flask, either: Account, db: Db) -> None:
    email, path = either.email, either.login
    right(limited, email, path=path)
    fail_99_times(limited, db, either)
    assert attempt(limited, email, ip="198.51.100.2", path=path).status_code == 401

    assert 3000 < refused(attempt(limited, email, PASSWORD, "192.0.2.1", path)) <= 3600
    assert right(limited, email, path=path) == 200
    shut_out(limited, db, email, path=path)  # known, and bound by the other limits
    refused(attempt(limited, email, path=path))
    assert refused(attempt(limited, email, PASSWORD, "192.0.2.1", path)) > 3000
    assert db.one("SELECT max(attempts) FROM attempt_counter") == {"max": 100}
    pass_time(db, 3600)
    assert right(limited, email, ip="192.0.2.1", path=path) == 200


def test_a_completed_reset_lets_the_owner_in_from_a_new_network(make_app: MakeApp, customer: Account, db: Db) -> None:
    """Its owner has proved to be the owner: the failures are cleared, and the network is a known one."""
    app = make_app(trusted_proxies=1, limit_account_failures=3)
    body = {"token": reset_token(db, customer), "password": NEW_PASSWORD}
    statuses(app, 3, customer.email, ip="198.51.100.1")
    refused(attempt(app, customer.email, PASSWORD))

    reset = new_client(app).post(f"{CUSTOMERS}/password", json=body, headers={"X-Forwarded-For": HOME})

    assert reset.status_code == 200
    assert statuses(app, 3, customer.email, ip="198.51.100.1") == [401] * 3
    refused(attempt(app, customer.email, NEW_PASSWORD, ip="198.51.100.3"))
    assert attempt(app, customer.email, NEW_PASSWORD).status_code == 200


def test_a_completed_reset_ends_the_pause_of_its_network(limited: Flask, customer: Account, db: Db) -> None:
    """Cause: an owner who had tried a forgotten password too often was refused with the new one, too."""
    body = {"token": reset_token(db, customer), "password": NEW_PASSWORD}
    shut_out(limited, db, customer.email)

    reset = new_client(limited).post(f"{CUSTOMERS}/password", json=body, headers={"X-Forwarded-For": HOME})

    assert reset.status_code == 200
    assert attempt(limited, customer.email, NEW_PASSWORD).status_code == 200


def test_the_current_password_is_guessed_by_the_same_counters(limited: Flask, customer: Account, db: Db) -> None:
    def change(current: str) -> TestResponse:
        body = {"current_password": current, "password": NEW_PASSWORD}
        headers = {**customer.headers, "X-Forwarded-For": HOME}
        return new_client(limited).post(f"{ME}/password", json=body, headers=headers)

    assert [change(WRONG).status_code for _ in range(2)] == [403] * 2
    assert statuses(limited, 3, customer.email) == [401] * 3
    lengthen_pauses(db)

    refused(change(PASSWORD))
    refused(attempt(limited, customer.email, PASSWORD))
    pass_time(db, 600)
    assert change(PASSWORD).status_code == 200
    assert statuses(limited, 5, customer.email) == [401] * 5


def test_a_refusal_looks_the_same_whether_or_not_the_account_exists(limited: Flask, either: Account, db: Db) -> None:
    def answer(email: str, ip: str) -> Any:
        lengthen_pauses(db)
        said = attempt(limited, email, ip=ip, path=either.login)
        return said.status_code, {**said.headers, "X-Request-ID": ""}, said.text

    known = [answer(either.email, "192.0.2.1") for _ in range(7)]
    unknown = [answer(NOBODY, "192.0.2.2") for _ in range(7)]

    assert [status for status, *_ in known] == [401] * 5 + [429] * 2
    assert known == unknown


def counted() -> list[float]:
    limits = [{"limit": limit} for limit in ("account_and_network", "network", "account")]
    refusals = [REGISTRY.get_sample_value("customers_limit_refusals_total", limit) for limit in limits]
    logins = {"kind": "customer", "outcome": "throttled"}
    return [count or 0 for count in (*refusals, REGISTRY.get_sample_value("customers_logins_total", logins))]


def test_the_first_refusal_of_each_pause_is_recorded_and_no_other(limited: Flask, customer: Account, db: Db) -> None:
    """Each is counted in the metrics: by its limit, and as a throttled login."""
    before = counted()
    for email in (customer.email, NOBODY):
        shut_out(limited, db, email)
        for _ in range(2):
            for _ in range(3):
                refused(attempt(limited, email))
            pass_time(db, 600)
            statuses(limited, 1, email)
            lengthen_pauses(db)

    columns = "actor_kind, subject_uuid, host(ip) AS ip"
    rows = db.all(f"SELECT {columns} FROM audit_log WHERE event = 'login_throttled' ORDER BY audit_log_id")
    known, unknown = (("anonymous", subject, HOME) for subject in (UUID(customer.uuid), None))
    assert [tuple(row.values()) for row in rows] == [known, known, unknown, unknown]
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [12, 0, 0, 12]


def test_expired_counters_are_deleted_by_the_attempts_that_follow(limited: Flask, db: Db) -> None:
    db.execute(
        "INSERT INTO attempt_counter (digest, attempts, open_at, expires_at)"
        " SELECT sha256(n::text::bytea), 1, now(), now() - interval '1 s' FROM generate_series(1, 100) AS n"
    )

    sizes = []
    for _ in range(3):
        attempt(limited, NOBODY)
        sizes.append(len(counters(db)))

    assert sizes == [83, 63, 43]


def test_counters_are_read_by_index_though_there_were_none_when_it_was_planned(
    limited: Flask, customer: Account, database: str, db: Db
) -> None:
    """A plan made for an empty table read all of one that had grown; the functions do not leave that to PostgreSQL."""
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("VACUUM attempt_counter")

    def whole_reads() -> int:
        with context.of(limited).db.autocommit() as own:
            own.execute(text("SELECT pg_stat_force_next_flush()"))
        db.execute("SELECT pg_stat_force_next_flush()")
        found: int = db.one("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'attempt_counter'")["seq_scan"]
        return found

    before = whole_reads()
    assert [right(limited, customer.email) for _ in range(12)] == [200] * 12
    assert whole_reads() == before
