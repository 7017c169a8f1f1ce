"""What the tests of mail stand on: a mail server, an application that sends there, and a customer of it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from customers.config import Settings
from tests.conftest import Account, MakeApp, MakeCustomer, applications
from tests.support.database import Db
from tests.support.smtp import SENDING, Mailing, MailServer


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def app(app: Flask, settings: Settings, smtp: MailServer) -> Iterator[Flask]:
    """Return an application that sends mail, over empty tables."""
    with applications(settings) as make:
        yield make(smtp_url=smtp.url, **SENDING)


@pytest.fixture
def mailing(app: Flask, make_app: MakeApp, smtp: MailServer, db: Db) -> Mailing:
    return Mailing(app, make_app, smtp, db)


@pytest.fixture
def ann(make_customer: MakeCustomer) -> Account:
    return make_customer("Ann@Example.com")
