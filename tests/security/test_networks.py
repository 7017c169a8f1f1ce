"""The networks that limits count by, and those known to an account; tests/http/test_cross_site.py reads them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from customers.security.networks import UNKNOWN, network_of, site_of
from tests.conftest import PASSWORD, Account
from tests.security.conftest import Make, fail_99_times, lengthen_pauses, register
from tests.support.database import Db
from tests.support.limits import HOME, attempt, refused, right, statuses


@pytest.mark.parametrize(
    ("ip", "network", "site"),
    [
        ("203.0.113.9", "203.0.113.9/32", None),
        ("::ffff:203.0.113.9", "203.0.113.9/32", None),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (None, UNKNOWN, None),
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64_within_its_48(
    ip: str | None, network: str, site: str | None
) -> None:
    assert (network_of(ip), site_of(ip)) == (network, site)


EMAIL = "new{}@example.com"


@pytest.mark.parametrize(
    ("limit", "act", "passed", "code"),
    [
        ("limit_network_failures", attempt, 401, "too_many_attempts"),
        ("limit_registrations", register, 201, "too_many_requests"),
    ],
)
def test_a_48_may_do_ten_times_as_much_as_one_of_its_64s(
    make_app: Make, limit: str, act: Callable[..., Any], passed: int, code: str
) -> None:
    app = make_app(trusted_proxies=1, **{limit: 1})

    for number in range(10):
        assert act(app, EMAIL.format(number), ip=f"2001:db8:1:{number}::1").status_code == passed

    refused(act(app, EMAIL.format(10), ip="2001:db8:1:ffff::1"), code)
    assert act(app, EMAIL.format(10), ip="2001:db8:2::1").status_code == passed


def test_guesses_from_one_48_lock_no_owner_out_of_a_new_network(limited: Flask, customer: Account, db: Db) -> None:
    """Cause: 100 wrong guesses from the /64s of one /48, of which a provider gives away many, closed the account."""

    def guess_from(networks: range) -> list[int]:
        return [attempt(limited, customer.email, ip=f"2001:db8:1:{number}::1").status_code for number in networks]

    assert guess_from(range(50)) == [401] * 50
    lengthen_pauses(db)
    assert guess_from(range(50, 110)) == [429] * 60
    assert right(limited, customer.email, ip="2001:db8:2::1") == 200


def test_a_network_is_known_to_an_account_for_30_days_after_the_last_login(
    limited: Flask, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    right(limited, customer.email, ip="2001:db8:1:2::1")
    right(limited, customer.email)
    right(limited, make_customer().email, ip="203.0.113.10")  # which is another account's
    db.execute("UPDATE login_network SET last_login_at = now() - interval '30 days' WHERE network = '203.0.113.9'")
    db.execute("UPDATE login_network SET last_login_at = now() - interval '29 days' WHERE family(network) = 6")
    fail_99_times(limited, db, customer.email)
    statuses(limited, 1, customer.email, ip="198.51.100.2")

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
