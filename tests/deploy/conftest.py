"""What the tests of the deployment stand on."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser

from tests.deploy.browsers import NAMES, Chromium
from tests.deploy.front import TRUSTED, TRUSTING, Front, opened
from tests.support.chromium import launched
from tests.support.service import database_url, make_admin
from tests.support.smtp import MailServer

ADMIN = "ada@shop.example"


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def front(
    tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str], mails: MailServer
) -> Iterator[Front]:
    """Return two instances behind nginx, with mail, an admin, and a backend; shared by tests that leave it running."""
    link = "https://shop.example/reset-password#token={token}"
    settings = {**mails.settings, "CUSTOMERS_RESET_URL": link, "CUSTOMERS_TRUSTED_ORIGINS": TRUSTED}
    with opened(tmp_path_factory.mktemp("front"), database_url(make_database()), TRUSTING, **settings) as front:
        make_admin(ADMIN, **front.instances.settings)
        yield front


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched(NAMES) as browser:
        yield browser


@pytest.fixture
def chromium(browser: Browser) -> Iterator[Chromium]:
    with closing(Chromium(browser)) as window:
        yield window
