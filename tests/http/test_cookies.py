"""What the cookie is signed with, and for how long that counts; what it names is for tests/test_sessions.py."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.conftest import Account, log_in, new_client


def serializer(app: Flask, interface: SecureCookieSessionInterface) -> URLSafeTimedSerializer:
    found = interface.get_signing_serializer(app)
    assert found
    return found


def status(app: Flask, customer: Account, cookie: str) -> int:
    """Return the status of a read by this cookie alone."""
    browser = new_client(app)
    browser.set_cookie("customers", cookie)
    return browser.get(customer.path).status_code


def test_it_is_an_hmac_with_sha_256(app: Flask, customer: Account) -> None:
    browser = new_client(app)
    log_in(browser, customer.email)
    cookie = browser.get_cookie("customers")
    assert cookie
    signed, _, signature = cookie.value.rpartition(".")

    key = hmac.digest(app.config["SECRET_KEY"].encode(), b"cookie-session", hashlib.sha256)
    assert urlsafe_b64decode(signature + "=") == hmac.digest(key, signed.encode(), hashlib.sha256)


def test_a_signature_of_another_kind_counts_for_nothing(app: Flask, customer: Account) -> None:
    content = {"_permanent": True, "customer": UUID(customer.sid).bytes}
    weak = serializer(app, SecureCookieSessionInterface()).dumps(content)
    unsigned = str(weak).rpartition(".")[0]
    assert isinstance(app.session_interface, SecureCookieSessionInterface)

    assert status(app, customer, serializer(app, app.session_interface).dumps(content)) == 200
    assert status(app, customer, weak) == 401
    assert status(app, customer, unsigned) == 401


def test_one_that_is_older_than_any_session_can_be_counts_for_nothing(
    make_app: Callable[..., Flask], customer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(customer_lifetime=7200, admin_lifetime=3600)
    assert isinstance(app.session_interface, SecureCookieSessionInterface)
    content = {"_permanent": True, "customer": UUID(customer.sid).bytes}
    cookies = {}
    for age in (7000, 7300):
        with monkeypatch.context() as patch:
            patch.setattr(TimestampSigner, "get_timestamp", lambda _, age=age: int(time.time()) - age)
            cookies[age] = serializer(app, app.session_interface).dumps(content)

    assert status(app, customer, cookies[7000]) == 200
    assert status(app, customer, cookies[7300]) == 401
