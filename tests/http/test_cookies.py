"""The cookie: what it is signed with, and that its own timestamp decides nothing."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.client import CheckingClient

DAY = 24 * 3600
YEARS = 10 * 365 * DAY


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(app: Flask, text: str, digest: str = "sha256") -> str:
    key = hmac.digest(app.config["SECRET_KEY"].encode(), b"cookie-session", digest)
    return f"{text}.{urlsafe_b64encode(hmac.digest(key, text.encode(), digest)).decode().rstrip('=')}"


def cookie_of(app: Flask, customer: Account) -> tuple[str, str, str]:
    """Sign in; return the cookie's value, the part that is signed, and the sid."""
    browser = new_client(app)
    sid = log_in(browser, customer.email)
    cookie = browser.get_cookie("customers")
    assert cookie
    return cookie.value, cookie.value.rpartition(".")[0], sid


def browser_with(app: Flask, cookie: str) -> CheckingClient:
    browser = new_client(app)
    browser.set_cookie("customers", cookie)
    return browser


def test_a_cookie_counts_with_its_hmac_sha_256_alone_and_shows_no_sid(app: Flask, customer: Account) -> None:
    good, content, sid = cookie_of(app, customer)

    assert good == signed(app, content)
    for text in (good, decoded(content.partition(".")[0]).decode()):
        assert sid.replace("-", "") not in text.replace("-", "")
    data_of(browser_with(app, good).get(customer.path))
    for bad in (signed(app, content, "sha1"), content, good[:-2], good + "x", f"x{good}", "a.b.c", "x" * 4000):
        refused(browser_with(app, bad).get(customer.path), 401, "not_authenticated")


@pytest.mark.parametrize("ahead", [1, DAY, YEARS, -31 * DAY, -YEARS])
def test_the_clock_of_who_signed_a_cookie_decides_nothing(app: Flask, customer: Account, ahead: int) -> None:
    """Flask takes a timestamp ahead of its clock for a forgery: there was a 401, and a logout that ended nothing."""
    good, content, _ = cookie_of(app, customer)
    payload, _, stamp = content.rpartition(".")
    later = (int.from_bytes(decoded(stamp)) + ahead).to_bytes(5).lstrip(b"\0")
    browser = browser_with(app, signed(app, f"{payload}.{urlsafe_b64encode(later).decode().rstrip('=')}"))

    data_of(browser.get(customer.path))
    data_of(browser.post("/customers/logout"))
    refused(browser_with(app, good).get(customer.path), 401, "not_authenticated")


def test_a_former_key_still_verifies_cookies(app: Flask, customer: Account, make_app: Callable[..., Flask]) -> None:
    cookie, _, _ = cookie_of(app, customer)

    for former, status in (((app.config["SECRET_KEY"],), 200), ((), 401)):
        renewed = make_app(secret_key="n" * 32, former_secret_keys=former)
        assert browser_with(renewed, cookie).get(customer.path).status_code == status
