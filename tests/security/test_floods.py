"""Limits on registrations and on requests for new passwords, by network; test_networks.py has the /48."""

from pathlib import Path
from typing import Any

from tests.conftest import Account, new_client
from tests.security.conftest import Make, register
from tests.support.builders import CUSTOMERS
from tests.support.database import Db
from tests.support.limits import HOME, NOBODY, pass_time, refused


def test_a_network_may_register_20_times_an_hour_and_a_malformed_one_does_not_count(make_app: Make, db: Db) -> None:
    """A taken e-mail counts, so that nobody finds out who has an account."""
    app = make_app(trusted_proxies=1, limit_registrations=20)
    assert register(app, "no e-mail").status_code == 400
    emails = [f"new{number}@example.com" for number in (*range(18), 0, 1)]
    assert [register(app, email).status_code for email in emails] == [201] * 18 + [409] * 2

    assert 3000 < refused(register(app, "a@example.com"), "too_many_requests") <= 3600
    assert register(app, "b@example.com", ip="203.0.113.10").status_code == 201
    pass_time(db, 3600)
    assert register(app, "a@example.com").status_code == 201


def test_customers_are_counted_but_for_a_replay_and_admins_are_not(
    make_app: Make, customer: Account, admin: Account
) -> None:
    app = make_app(trusted_proxies=1, limit_registrations=2)
    again = {**customer.headers, "Idempotency-Key": "once"}

    assert [register(app, "a@example.com", **again).status_code for _ in range(3)] == [201] * 3
    assert register(app, "b@example.com", **customer.headers).status_code == 201
    refused(register(app, "c@example.com", **customer.headers), "too_many_requests")
    assert register(app, "a@example.com", **again).headers["Idempotent-Replayed"] == "true"
    assert register(app, "c@example.com", **admin.headers).status_code == 201


def test_a_network_may_ask_for_ten_new_passwords_an_hour_whatever_the_e_mail(
    make_app: Make, customer: Account, db: Db, tmp_path: Path
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
