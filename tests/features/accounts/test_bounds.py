"""How often a customer may change the e-mail, and write at all."""

import time
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import ADDRESS, Account, new_client
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import CUSTOMERS, ME, NEW, browser_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.limits import pass_time

Make = Callable[..., Flask]


def at(app: Flask, account: Account, ip: str = "203.0.113.9") -> CheckingClient:
    client = new_client(app, use_cookies=False)
    client.environ_base |= {"HTTP_X_SESSION_ID": account.sid, "HTTP_X_FORWARDED_FOR": ip}
    return client


def move(client: CheckingClient, *emails: str) -> list[int]:
    return [client.patch(ME, json={"email": email}).status_code for email in emails]


def test_an_email_may_change_five_times_an_hour(
    make_app: Make, customer: Account, other: Account, admin: Account, db: Db
) -> None:
    app = make_app(limit_email_changes=5, trusted_proxies=1)
    emails = [f"new{number}@example.com" for number in range(6)]
    assert [move(at(app, customer, f"203.0.113.{n}"), emails[n]) for n in range(5)] == [[200]] * 5

    refusal = at(app, customer).patch(ME, json={"email": emails[5], "full_name": "Other"})

    refused(refusal, 429, "too_many_requests")
    assert 3500 < int(refusal.headers["Retry-After"]) <= 3600
    own = data_of(at(app, customer).get(ME))
    assert (own["email"], own["full_name"]) == (emails[4], "Ann Customer")
    data_of(at(app, customer).patch(ME, json={"email": emails[4], "full_name": "Other"}))  # changes no e-mail
    assert move(at(app, other), "others@example.com") == [200]
    data_of(at(app, admin).patch(customer.path, json={"email": "admins@example.com"}))
    pass_time(db, 3600)
    assert move(at(app, customer), emails[5]) == [200]


def test_taken_e_mails_count_like_registrations(make_app: Make, make_customer: Callable[..., Account], db: Db) -> None:
    """Cause: 60 e-mails were tried for existence in half a second. Cure: as many as registrations tell, in all."""
    app = make_app(limit_email_changes=5, limit_registrations=6, trusted_proxies=1)
    accounts = [make_customer() for _ in range(4)]
    second, third, fourth = (at(app, account) for account in accounts[1:])
    taken = accounts[0].email

    for _ in range(6):
        invalid(fourth.patch(ME, json={"email": "no e-mail"}), "email")
        stale = fourth.patch(ME, json={"email": "x@example.com"}, headers={"If-Match": '"0"'})
        refused(stale, 412, "precondition_failed")
    assert move(fourth, *(f"new{number}@example.com" for number in range(6))) == [200] * 5 + [429]
    assert move(second, *[taken] * 4) + move(third, *[taken] * 3) == [409] * 6 + [429]

    register = new_client(app).post(CUSTOMERS, json=NEW, headers={"X-Forwarded-For": "203.0.113.9"})
    refused(register, 429, "too_many_requests")
    assert move(at(app, accounts[2], "198.51.100.1"), taken) == [409]
    pass_time(db, 3600)
    assert move(third, "newer@example.com", taken) == [200, 409]


def test_a_customer_may_write_so_often_a_minute_and_still_read(
    make_app: Make, customer: Account, other: Account, admin: Account, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cause: one customer could write 15 GB a day by changing an address to and fro. Cure: a bound on writes."""
    app = make_app(limit_writes=6)
    client = at(app, customer)
    now = time.time() // 60 * 60
    monkeypatch.setattr(time, "time", lambda: now + 20)
    acts = [("PATCH", address, {"city": "X"}), ("PATCH", ME, {"full_name": "X"}), ("DELETE", f"{ME}/sessions", None),
            ("POST", f"{ME}/addresses", ADDRESS)]  # fmt: skip

    for method, path, body in (acts * 2)[:6]:
        invalid(client.patch(address, json={"city": 1}), "city")  # writes nothing, and does not count
        assert client.open(path, method=method, json=body).status_code in (200, 201)
    for method, path, body in acts:
        refusal = client.open(path, method=method, json=body)
        refused(refusal, 429, "too_many_requests")
        assert refusal.headers["Retry-After"] == "41"
    data_of(client.get(ME))
    data_of(at(app, other).patch(ME, json={"full_name": "X"}))
    both = browser_of(app, customer, admin)
    for _ in range(7):
        data_of(both.patch(customer.path, json={"full_name": "Y"}))
    monkeypatch.setattr(time, "time", lambda: now + 60)
    data_of(client.patch(address, json={"city": "X"}))
