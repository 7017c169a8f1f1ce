"""What the tests of mail stand on: a mail server, an application that sends there, and a customer of it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.conftest import Account
from tests.support.database import Db
from tests.support.smtp import Mailing, MailServer


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def mailing(make_app: Callable[..., Flask], smtp: MailServer, db: Db) -> Mailing:
    return Mailing(make_app, smtp, db)


@pytest.fixture
def ann(mailing: Mailing, make_customer: Callable[..., Account]) -> Account:
    """Return a customer, signed in to the application that sends mail."""
    made = make_customer("Ann@Example.com")
    return Account(mailing.app, made.uuid, made.email, made.sid)
