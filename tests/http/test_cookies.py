"""The cookie: what it is signed with, and that its own timestamp decides nothing."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode
from uuid import UUID

import pytest
from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.conftest import Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.client import CheckingClient

DAY = 24 * 3600
YEARS = 10 * 365 * DAY


def cookie_of(app: Flask, sid: str, *, ahead: int = 0, digest: object = hashlib.sha256) -> str:
    """Return the cookie of a session as a machine signs it whose clock is so many seconds ahead."""

    class Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time()) + ahead

    serializer = URLSafeTimedSerializer(
        app.config["SECRET_KEY"],
        salt="cookie-session",
        serializer=TaggedJSONSerializer(),
        signer=Signer,
        signer_kwargs={"key_derivation": "hmac", "digest_method": digest},
    )
    return str(serializer.dumps({"_permanent": True, "customer": UUID(sid).bytes}))


def browser_with(app: Flask, cookie: str) -> CheckingClient:
    """Return a browser with a cookie."""
    browser = new_client(app)
    browser.set_cookie("customers", cookie)
    return browser


def test_the_cookie_is_signed_with_hmac_sha_256_and_shows_no_sid(app: Flask, customer: Account) -> None:
    browser = new_client(app)
    sid = log_in(browser, customer.email)
    cookie = browser.get_cookie("customers")
    assert cookie
    signed, _, signature = cookie.value.rpartition(".")

    key = hmac.digest(app.config["SECRET_KEY"].encode(), b"cookie-session", hashlib.sha256)
    assert urlsafe_b64decode(signature + "=") == hmac.digest(key, signed.encode(), hashlib.sha256)
    content = cookie.value.partition(".")[0]
    for text in (cookie.value, urlsafe_b64decode(content + "=" * (-len(content) % 4)).decode()):
        assert sid not in text
        assert sid.replace("-", "") not in text


def test_a_cookie_with_another_signature_or_none_counts_for_nothing(app: Flask, customer: Account) -> None:
    good = cookie_of(app, customer.sid)
    weak = cookie_of(app, customer.sid, digest=hashlib.sha1)

    data_of(browser_with(app, good).get(customer.path))
    for bad in (weak, good.rpartition(".")[0], good[:-2], good + "x", f"x{good}", "a.b.c", "x" * 4000):
        refused(browser_with(app, bad).get(customer.path), 401, "not_authenticated")


@pytest.mark.parametrize("ahead", [1, DAY, YEARS, -31 * DAY, -YEARS])
def test_the_clock_of_the_machine_that_signed_a_cookie_decides_nothing(
    app: Flask, customer: Account, ahead: int
) -> None:
    """Flask takes a timestamp ahead of its clock for a forgery: there was a 401, and a logout that ended nothing."""
    browser = browser_with(app, cookie_of(app, customer.sid, ahead=ahead))

    data_of(browser.get(customer.path))
    data_of(browser.post("/customers/logout"))
    refused(customer.client.get(customer.path), 401, "not_authenticated")
