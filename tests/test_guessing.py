"""Limits on guessing passwords: by account and network, by network, by account."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, WRONG, attempt, pass_time, refused, right, statuses

Make = Callable[..., Flask]


@pytest.fixture
def limited(make_app: Make) -> Flask:
    """Return an application with the limits that the settings have by default, behind a proxy."""
    return make_app(trusted_proxies=1, limit_free_attempts=5, limit_network_failures=30, limit_account_failures=100)


# ---------------------------------------------------------------- by account and network


def test_five_attempts_are_free_and_then_the_pause_doubles_up_to_a_quarter_of_an_hour(limited: Flask, db: Db) -> None:
    assert statuses(limited, 5) == [401] * 5

    pauses = []
    for _ in range(12):
        pauses.append(refused(attempt(limited, NOBODY)))
        pass_time(db, pauses[-1])
        db.execute("UPDATE attempt_counter SET attempts = 1 WHERE attempts > 25")  # the network's own limit
        assert attempt(limited, NOBODY).status_code == 401

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_refusal_neither_counts_nor_makes_the_pause_longer(limited: Flask, db: Db) -> None:
    statuses(limited, 5)
    db.execute("UPDATE attempt_counter SET open_at = open_at + interval '20 s' WHERE open_at > now()")
    attempt(limited, NOBODY)  # the first refusal is noted, the others write nothing
    before = db.all("SELECT *, xmin FROM attempt_counter ORDER BY digest")

    waits = [refused(attempt(limited, NOBODY)) for _ in range(10)]

    assert db.all("SELECT *, xmin FROM attempt_counter ORDER BY digest") == before
    assert waits == sorted(waits, reverse=True)
    assert 15 < waits[-1] <= waits[0] <= 21


def test_a_try_after_retry_after_is_not_refused_and_one_before_is(limited: Flask, db: Db) -> None:
    statuses(limited, 5)
    db.execute("UPDATE attempt_counter SET open_at = open_at + interval '20 s' WHERE open_at > now()")
    seconds = refused(attempt(limited, NOBODY))

    pass_time(db, seconds - 15)
    early = refused(attempt(limited, NOBODY))
    pass_time(db, early)

    assert 1 <= early <= 15
    assert attempt(limited, NOBODY).status_code == 401


def test_a_success_clears_the_account_and_network(limited: Flask, customer: Account) -> None:
    for _ in range(3):
        assert statuses(limited, 4, customer.email) == [401] * 4
        assert right(limited, customer.email) == 200


def test_the_right_password_is_refused_in_a_pause_too(limited: Flask, customer: Account) -> None:
    statuses(limited, 5, customer.email)

    refused(attempt(limited, customer.email, PASSWORD))


def test_the_case_of_an_address_makes_no_difference(limited: Flask) -> None:
    spellings = [NOBODY, NOBODY.upper(), "Nobody@example.com", "nobody@Example.com", " nobody@example.com "]

    assert [attempt(limited, email).status_code for email in spellings] == [401] * 5
    refused(attempt(limited, NOBODY))


def test_accounts_kinds_and_networks_have_pauses_of_their_own(limited: Flask) -> None:
    statuses(limited, 5)

    assert attempt(limited, "other@example.com").status_code == 401
    assert attempt(limited, NOBODY, path="/admin/user/login").status_code == 401
    assert attempt(limited, NOBODY, ip="203.0.113.10").status_code == 401
    refused(attempt(limited, NOBODY))


@pytest.mark.parametrize(
    ("ip", "same", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ("203.0.113.1", "::ffff:203.0.113.1", "203.0.113.2"),
        ("fe80::1%eth0", "fe80::2", "fe80:0:0:1::1"),
        ("nonsense", "more nonsense", "203.0.113.1"),  # one network, not a way around
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64(limited: Flask, ip: str, same: str, other: str) -> None:
    assert statuses(limited, 5, ip=ip) == [401] * 5

    assert attempt(limited, NOBODY, ip=other).status_code == 401
    refused(attempt(limited, NOBODY, ip=same))


# ---------------------------------------------------------------- by network


def test_a_network_may_fail_30_times_in_a_quarter_of_an_hour(limited: Flask, customer: Account, db: Db) -> None:
    tried = [attempt(limited, f"nobody{number}@example.com").status_code for number in range(30)]

    assert tried == [401] * 30
    seconds = refused(attempt(limited, customer.email, PASSWORD))
    assert 800 < seconds <= 900
    assert right(limited, customer.email, ip="203.0.113.10") == 200
    pass_time(db, seconds - 60)
    assert 1 <= refused(attempt(limited, customer.email, PASSWORD)) <= 60
    pass_time(db, 60)
    assert right(limited, customer.email) == 200


def test_what_succeeds_does_not_count_against_a_network(limited: Flask, customer: Account) -> None:
    assert [right(limited, customer.email) for _ in range(40)] == [200] * 40


def test_a_networks_failures_at_customers_and_admins_add_up(limited: Flask) -> None:
    for number in range(15):
        attempt(limited, f"nobody{number}@example.com")
        attempt(limited, f"nobody{number}@example.com", path="/admin/user/login")

    refused(attempt(limited, "another@example.com"))
    refused(attempt(limited, "another@example.com", path="/admin/user/login"))


# ---------------------------------------------------------------- by account


def from_everywhere(app: Flask, email: str, path: str = "/customer/login") -> None:
    """Fail a hundred times, four times from each of 25 networks."""
    for number in range(25):
        assert statuses(app, 4, email, ip=f"198.51.100.{number}", path=path) == [401] * 4


@pytest.mark.parametrize("kind", ["customer", "admin"])
def test_after_100_failures_only_networks_of_former_success_may_try(
    limited: Flask, accounts: dict[str, Account], kind: str, db: Db
) -> None:
    email, path = accounts[kind].email, {"customer": "/customer/login", "admin": "/admin/user/login"}[kind]
    right(limited, email, path=path)
    from_everywhere(limited, email, path)

    strangers = attempt(limited, email, PASSWORD, "192.0.2.1", path)
    owner = right(limited, email, path=path)

    assert 3500 < refused(strangers) <= 3600
    assert owner == 200
    assert statuses(limited, 6, email, path=path) == [401] * 5 + [429]  # known, and bound by the other limits
    assert refused(attempt(limited, email, PASSWORD, "192.0.2.1", path)) > 3500
    assert db.one("SELECT max(attempts) FROM attempt_counter") == {"max": 100}
    pass_time(db, 3600)
    assert right(limited, email, ip="192.0.2.1", path=path) == 200


def test_a_network_is_known_for_30_days_after_the_last_login(limited: Flask, customer: Account, db: Db) -> None:
    right(limited, customer.email, ip="2001:db8:1:2::1")
    right(limited, customer.email)
    db.execute("UPDATE login_network SET last_login_at = now() - interval '30 days' WHERE family(network) = 4")
    db.execute("UPDATE login_network SET last_login_at = now() - interval '29 days' WHERE family(network) = 6")
    from_everywhere(limited, customer.email)

    refused(attempt(limited, customer.email, PASSWORD))
    assert right(limited, customer.email, ip="2001:db8:1:2::abcd") == 200


def test_a_known_network_of_one_account_is_no_other_accounts(
    limited: Flask, make_customer: Callable[..., Account]
) -> None:
    neighbour, victim = make_customer(), make_customer()
    right(limited, neighbour.email)
    from_everywhere(limited, victim.email)

    refused(attempt(limited, victim.email, PASSWORD))


def test_a_login_notes_its_network_once_a_day(limited: Flask, customer: Account, db: Db) -> None:
    known = "SELECT network::text, last_login_at, xmin FROM login_network WHERE network <<= '203.0.113.0/24'"
    right(limited, customer.email)
    first = db.one(known)

    right(limited, customer.email)
    again = db.one(known)
    db.execute("UPDATE login_network SET last_login_at = last_login_at - interval '25 hours'")
    right(limited, customer.email)

    assert first["network"] == "203.0.113.9/32"
    assert again == first
    assert db.one(known)["last_login_at"] > first["last_login_at"]


# ---------------------------------------------------------------- the current password


def change(client: Any, current: str, ip: str = HOME) -> Any:
    body = {"current_password": current, "password": "another long password"}
    return client.post("/api/customers/me/password", json=body, headers={"X-Forwarded-For": ip})


def test_the_current_password_is_guessed_by_the_same_counters(limited: Flask, customer: Account) -> None:
    client = new_client(limited)
    client.environ_base["HTTP_X_SESSION_ID"] = customer.sid
    assert [change(client, WRONG).status_code for _ in range(2)] == [403] * 2
    assert statuses(limited, 3, customer.email) == [401] * 3

    refused(change(client, PASSWORD))
    refused(attempt(limited, customer.email, PASSWORD))
    assert change(client, PASSWORD, "203.0.113.10").status_code == 200


def test_the_right_current_password_clears_the_account_and_network(limited: Flask, customer: Account) -> None:
    statuses(limited, 4, customer.email)
    client = new_client(limited)
    client.environ_base["HTTP_X_SESSION_ID"] = customer.sid

    assert change(client, PASSWORD).status_code == 200
    assert statuses(limited, 5, customer.email) == [401] * 5


# ---------------------------------------------------------------- settings


def test_each_limit_is_a_setting_and_0_switches_it_off(make_app: Make, db: Db) -> None:
    off = make_app(trusted_proxies=1)
    assert statuses(off, 40) == [401] * 40
    assert db.all("SELECT FROM attempt_counter") == []

    paused = make_app(trusted_proxies=1, limit_free_attempts=2, limit_longest_pause=1)
    assert statuses(paused, 3) == [401, 401, 429]
    pass_time(db, 1)
    assert statuses(paused, 2) == [401, 429]
    assert refused(attempt(paused, NOBODY)) == 1

    by_network = make_app(trusted_proxies=1, limit_network_failures=3)
    assert statuses(by_network, 4) == [401, 401, 401, 429]

    by_account = make_app(trusted_proxies=1, limit_account_failures=2)
    assert [attempt(by_account, NOBODY, ip=f"192.0.2.{n}").status_code for n in range(3)] == [401, 401, 429]
