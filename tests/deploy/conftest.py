"""What the tests of the deployment stand on."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.deploy.chromium import launched
from tests.deploy.front import TRUSTED, Front
from tests.support.service import database_url
from tests.support.smtp import MAIL_FROM, MailServer


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
    front = Front(
        tmp_path_factory.mktemp("front"),
        database_url(make_database()),
        {f'# "{TRUSTED}"': f'"{TRUSTED}"'},
        CUSTOMERS_TRUSTED_ORIGINS=TRUSTED,
        CUSTOMERS_SMTP_URL=mails.url,
        CUSTOMERS_MAIL_FROM=MAIL_FROM,
        CUSTOMERS_RESET_URL="https://shop.example/reset-password#token={token}",
    )
    front.make_admin()
    yield front
    front.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the system's Chromium."""
    with launched() as browser:
        yield browser
