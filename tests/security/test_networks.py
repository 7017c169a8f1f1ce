"""What limits count by networks, registrations and reset mails among it; tests/http/test_cross_site.py reads them."""

from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask

from customers.security.networks import UNKNOWN, network_of, site_of
from tests.conftest import PASSWORD, Account, MakeApp, MakeCustomer, new_client
from tests.security.conftest import fail_99_times, lengthen_pauses, register
from tests.support.builders import CUSTOMERS
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, attempt, pass_time, refused, right, statuses


def test_a_network_is_an_ipv4_address_or_an_ipv6_64_within_its_48() -> None:
    for ip, network, site in (
        ("203.0.113.9", "203.0.113.9/32", None),
        ("::ffff:203.0.113.9", "203.0.113.9/32", None),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (None, UNKNOWN, None),
    ):
        assert (network_of(ip), site_of(ip)) == (network, site)


EMAIL = "new{}@example.com"


def test_a_48_may_do_ten_times_as_much_as_one_of_its_64s(make_app: MakeApp) -> None:
    for limit, act, passed, code in (
        ("limit_network_failures", attempt, 401, "too_many_attempts"),
        ("limit_registrations", register, 201, "too_many_requests"),
    ):
        do = partial(act, make_app(trusted_proxies=1, **{limit: 1}))
        for number in range(10):
            assert do(EMAIL.format(number), ip=f"2001:db8:1:{number}::1").status_code == passed

        refused(do(EMAIL.format(10), ip="2001:db8:1:ffff::1"), code)
        assert do(EMAIL.format(10), ip="2001:db8:2::1").status_code == passed


def test_guesses_from_one_48_lock_no_owner_out_of_a_new_network(limited: Flask, customer: Account, db: Db) -> None:
    """Cause: 100 wrong guesses from the /64s of one /48, of which a provider gives away many, closed the account."""

    def guess_from(networks: range) -> list[int]:
        return [attempt(limited, customer.email, ip=f"2001:db8:1:{number}::1").status_code for number in networks]

    assert guess_from(range(50)) == [401] * 50
    lengthen_pauses(db)
    assert guess_from(range(50, 110)) == [429] * 60
    assert right(limited, customer.email, ip="2001:db8:2::1") == 200


def test_a_network_is_known_to_an_account_for_30_days_after_the_last_login(
    limited: Flask, customer: Account, make_customer: MakeCustomer, db: Db
) -> None:
    for ip in ("2001:db8:1:2::1", HOME, "2001:db8:1:2::2"):
        right(limited, customer.email, ip=ip)
        db.execute("UPDATE login_network SET last_login_at = last_login_at - interval '15 days'")
    right(limited, make_customer().email, ip="203.0.113.10")  # which is another account's
    fail_99_times(limited, db, customer)
    statuses(limited, 1, customer.email, ip="198.51.100.2")

    for ip in (HOME, "203.0.113.10"):
        refused(attempt(limited, customer.email, PASSWORD, ip))
    assert right(limited, customer.email, ip="2001:db8:1:2::abcd") == 200


def test_a_network_may_register_20_times_an_hour_and_a_malformed_one_does_not_count(make_app: MakeApp, db: Db) -> None:
    """A taken e-mail counts, so that nobody finds out who has an account."""
    app = make_app(trusted_proxies=1, limit_registrations=20)
    assert register(app, "no e-mail").status_code == 400
    emails = [f"new{number}@example.com" for number in (*range(18), 0, 1)]
    assert [register(app, email).status_code for email in emails] == [201] * 18 + [409] * 2

    assert 3000 < refused(register(app, "a@example.com"), "too_many_requests") <= 3600
    assert register(app, "b@example.com", ip="203.0.113.10").status_code == 201
    pass_time(db, 3600)
    assert register(app, "a@example.com").status_code == 201


def test_customers_but_no_replays_and_no_admins_count(make_app: MakeApp, customer: Account, admin: Account) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=2)
    again = {**customer.headers, "Idempotency-Key": "once"}

    assert [register(app, "a@example.com", **again).status_code for _ in range(3)] == [201] * 3
    assert register(app, "b@example.com", **customer.headers).status_code == 201
    refused(register(app, "c@example.com", **customer.headers), "too_many_requests")
    assert register(app, "a@example.com", **again).headers["Idempotent-Replayed"] == "true"
    assert register(app, "c@example.com", **admin.headers).status_code == 201


def test_a_network_may_ask_for_ten_new_passwords_an_hour_whatever_the_e_mail(
    make_app: MakeApp, customer: Account, db: Db, tmp_path: Path
) -> None:
    client = new_client(make_app(trusted_proxies=1, limit_reset_requests=10, mail_directory=tmp_path))

    def ask(email: str, ip: str = HOME) -> tuple[int, Any]:
        headers = {"X-Forwarded-For": ip}
        answer = client.post(f"{CUSTOMERS}/reset-password", json={"email": email}, headers=headers)
        return answer.status_code, answer.get_json()

    assert [ask(email) for email in (customer.email, NOBODY) * 5] == [(200, {"data": {}})] * 10
    known, unknown = ask(customer.email), ask(NOBODY)

    assert known == unknown
    assert (known[0], known[1]["error"]["code"]) == (429, "too_many_requests")
    assert db.one("SELECT count(*) FROM outbox_mail WHERE kind = 'reset_password'")["count"] == 10
    assert ask(NOBODY, ip="203.0.113.10")[0] == 200
    pass_time(db, 3600)
    assert ask(customer.email)[0] == 200
