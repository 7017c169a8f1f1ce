"""What the tests of the deployment stand on."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser

from tests.conftest import PASSWORD
from tests.deploy.browsers import NAMES, Chromium
from tests.deploy.front import TRUSTED, TRUSTING, Front, opened
from tests.support.chromium import launched
from tests.support.service import database_url
from tests.support.smtp import MAIL_FROM, MailServer

ADMIN = "ada@shop.example"


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    """Return the server that catches the mail."""
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def front(
    tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str], mails: MailServer
) -> Iterator[Front]:
    """Return two instances behind nginx, with mail, an admin, and a backend; shared by tests that leave it running."""
    settings = {
        "CUSTOMERS_TRUSTED_ORIGINS": TRUSTED,
        "CUSTOMERS_SMTP_URL": mails.url,
        "CUSTOMERS_MAIL_FROM": MAIL_FROM,
        "CUSTOMERS_RESET_URL": "https://shop.example/reset-password#token={token}",
    }
    with opened(tmp_path_factory.mktemp("front"), database_url(make_database()), TRUSTING, **settings) as front:
        front.instances.flask("create-admin", ADMIN, "--full-name", "Ada", "--password-stdin", given=f"{PASSWORD}\n")
        yield front


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium."""
    with launched(NAMES) as browser:
        yield browser


@pytest.fixture
def chromium(browser: Browser) -> Iterator[Chromium]:
    """Return a window of it."""
    with closing(Chromium(browser)) as window:
        yield window
