"""What a refusal tells, and what is kept for it: nothing of whether an account exists, and not much at all."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from customers.errors import TooManyAttempts
from customers.limits import attempts
from customers.purge import purge
from customers.context import Context
from tests.conftest import Account
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, WRONG, attempt, pass_time, refused, right, statuses
from tests.support.html import Page, Visitor

Make = Callable[..., Flask]


@pytest.fixture
def limited(make_app: Make) -> Flask:
    return make_app(trusted_proxies=1, limit_free_attempts=5, limit_network_failures=30, limit_account_failures=100)


def said(response: TestResponse) -> dict[str, Any]:
    """Return all of an answer that could tell, but its id."""
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    return {"status": response.status_code, "headers": headers, "body": response.text}


@pytest.mark.parametrize("path", ["/customer/login", "/admin/user/login"])
def test_a_refusal_looks_the_same_whether_or_not_the_account_exists(
    limited: Flask, customer: Account, admin: Account, db: Db, path: str
) -> None:
    known = customer.email if path == "/customer/login" else admin.email

    answers = {
        email: [said(attempt(limited, email, ip=f"192.0.2.{number}", path=path)) for _ in range(7)]
        for number, email in enumerate((known, NOBODY))
    }

    assert [answer["status"] for answer in answers[known]] == [401] * 5 + [429] * 2
    assert answers[known] == answers[NOBODY]


def test_a_refusal_asks_the_database_one_thing_and_hashes_nothing(
    limited: Flask, customer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[str] = []
    ctx: Context = limited.extensions["customers"]
    ctx.db.listen("before_cursor_execute", lambda _conn, _cursor, sql, *_: executed.append(sql))
    statuses(limited, 5, customer.email)
    statuses(limited, 5, NOBODY)
    refused(attempt(limited, customer.email))  # the first of a pause is recorded
    refused(attempt(limited, NOBODY))
    executed.clear()
    monkeypatch.setattr(ctx.hasher, "_run", lambda job: pytest.fail("a password was hashed"))

    refused(attempt(limited, customer.email))
    refused(attempt(limited, NOBODY))

    assert len(executed) == 2
    assert len(set(executed)) == 1
    assert "customers_count_attempt" in executed[0]


@pytest.mark.parametrize("known", [True, False])
def test_the_first_refusal_of_each_pause_is_recorded_and_no_other(
    limited: Flask, customer: Account, db: Db, known: bool
) -> None:
    email = customer.email if known else NOBODY
    statuses(limited, 5, email)

    for _ in range(3):
        refused(attempt(limited, email))
    pass_time(db, 1)
    statuses(limited, 1, email)
    refused(attempt(limited, email))

    recorded = db.all("SELECT actor_kind, subject_uuid, host(ip) AS ip FROM audit_log WHERE event = 'login_throttled'")
    subject = UUID(customer.uuid) if known else None
    assert [(row["actor_kind"], row["subject_uuid"], row["ip"]) for row in recorded] == [
        ("anonymous", subject, HOME)
    ] * 2


def test_the_first_refusal_of_each_pause_says_so(limited: Flask, customer: Account, db: Db) -> None:
    ctx = limited.extensions["customers"]

    def is_first() -> bool:
        with (
            pytest.raises(TooManyAttempts) as caught,
            attempts.guess(ctx, "customer", customer.email, f"{HOME}/32"),
        ):
            pytest.fail("the attempt was let through")
        return caught.value.is_first

    statuses(limited, 5, customer.email)
    first_pause = [is_first() for _ in range(3)]
    pass_time(db, 1)
    statuses(limited, 1, customer.email)

    assert first_pause == [True, False, False]
    assert [is_first() for _ in range(3)] == [True, False, False]


def test_refusals_are_counted_by_limit_and_logins_as_throttled(limited: Flask) -> None:
    registry = limited.extensions["customers"].metrics.registry

    def value(name: str, **labels: str) -> float:
        found = registry.get_sample_value(name, labels)
        assert found is not None
        return float(found)

    statuses(limited, 7)

    assert value("customers_limit_refusals_total", limit="account_and_network") == 2
    assert value("customers_limit_refusals_total", limit="network") == 0
    assert value("customers_logins_total", kind="customer", outcome="throttled") == 2
    assert value("customers_logins_total", kind="customer", outcome="failed") == 5


# ---------------------------------------------------------------- the pages


def test_the_page_says_when_to_try_again(limited: Flask, admin: Account, db: Db) -> None:
    visitor = Visitor(limited)
    assert [visitor.sign_in(password=WRONG).status_code for _ in range(5)] == [401] * 5
    db.execute("UPDATE attempt_counter SET open_at = now() + interval '125 s' WHERE open_at > now()")

    answer = visitor.sign_in()

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "125")
    page = Page(answer.text)
    assert page.forms["/admin/login"]["email"] == admin.email
    assert "Too many failed attempts; try again in 3 minutes." in page.texts["p"]
    pass_time(db, 125)
    assert visitor.sign_in().status_code == 303


# ---------------------------------------------------------------- what is kept


def test_no_address_is_kept_of_an_attempt(limited: Flask, db: Db) -> None:
    statuses(limited, 6)

    assert NOBODY not in str(db.all("SELECT * FROM attempt_counter"))
    assert HOME not in str(db.all("SELECT * FROM attempt_counter"))


def test_a_flood_of_addresses_from_one_network_adds_as_many_rows_as_it_may_fail(limited: Flask, db: Db) -> None:
    for number in range(100):
        attempt(limited, f"nobody{number}@example.com")

    assert db.one("SELECT count(*) FROM attempt_counter")["count"] == 30 + 30 + 1


def test_what_has_expired_is_cleared_away_by_the_attempts_that_follow(limited: Flask, db: Db) -> None:
    db.execute(
        "INSERT INTO attempt_counter (digest, attempts, open_at, expires_at)"
        " SELECT sha256(n::text::bytea), 1, now(), now() - interval '1 s' FROM generate_series(1, 100) AS n"
    )

    sizes = []
    for _ in range(5):
        attempt(limited, NOBODY)
        sizes.append(db.one("SELECT count(*) FROM attempt_counter")["count"])

    assert sizes == [83, 63, 43, 23, 3]


def test_the_counters_are_forgotten_after_a_day_without_a_failure(limited: Flask, db: Db) -> None:
    statuses(limited, 4)
    pass_time(db, 24 * 3600 + 900)

    assert statuses(limited, 6) == [401] * 5 + [429]


def test_losing_the_counters_is_harmless(limited: Flask, customer: Account, db: Db) -> None:
    statuses(limited, 6, customer.email)

    db.execute("TRUNCATE attempt_counter")  # what a crash does to an unlogged table

    assert db.one("SELECT relpersistence::text FROM pg_class WHERE relname = 'attempt_counter'") == {
        "relpersistence": "u"
    }
    assert right(limited, customer.email) == 200


def test_purge_forgets_networks_after_30_days(limited: Flask, customer: Account, db: Db) -> None:
    for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        right(limited, customer.email, ip=ip)
    db.execute("UPDATE login_network SET last_login_at = now() - interval '30 days' WHERE network <> '192.0.2.3/32'")
    db.execute("DELETE FROM login_network WHERE network = '127.0.0.1/32'")

    deleted = purge(limited.extensions["customers"], batch=1)

    assert deleted["networks"] == 2
    assert db.all("SELECT network::text FROM login_network") == [{"network": "192.0.2.3/32"}]


def test_known_networks_go_with_the_account(limited: Flask, customer: Account, admin: Account, db: Db) -> None:
    right(limited, customer.email)

    assert admin.client.delete(customer.path).status_code == 200

    assert db.all("SELECT FROM login_network WHERE customer_id IS NOT NULL") == []
    assert statuses(limited, 1, customer.email) == [401]
