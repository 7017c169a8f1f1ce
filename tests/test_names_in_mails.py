"""What somebody else's name can do to a mail: nothing."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.conftest import Account
from tests.support.database import Db
from tests.support.smtp import Mailing, MailServer

NAMES = [
    "Ann\r\nBcc: eve@example.com",
    "Ann\n\nYour account is locked, call 555-0100.\n",
    "Ann\u2028\u2029\x85\x0b\x0cEve",
    "Ann \u202egro.elpmaxe//:sptth",
    "\u2066Ann\x1b[2J",
    "<a href='https://eve.example'>Ann</a>",
]


@pytest.fixture
def mailing(make_app: Callable[..., Flask], db: Db) -> Iterator[Mailing]:
    with MailServer() as server:
        yield Mailing(make_app, server, db)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_adds_no_header_no_line_and_no_markup_to_a_mail(mailing: Mailing, customer: Account, name: str) -> None:
    customer.client.patch(customer.path, json={"full_name": name})
    mailing.ask(customer.email)

    (mail,) = mailing.deliver()

    greeting = next(line for line in mail.part("plain").split("\n") if line.startswith("Hello"))
    assert "Ann" in greeting
    assert greeting.rstrip("\r").endswith(",")
    assert greeting.rstrip("\r").isprintable()
    assert "<a href='https://eve" not in mail.part("html")
    assert mailing.smtp.recipients == [customer.email]


@pytest.mark.parametrize("address", ["ann@example.com\r\nBcc: eve@example.com", "ann@exa\nmple.com"])
def test_an_address_of_an_existing_shop_adds_no_header_and_keeps_no_other_mail_waiting(
    mailing: Mailing, customer: Account, db: Db, address: str
) -> None:
    db.execute("INSERT INTO outbox_mail (kind, recipient) VALUES ('password_changed', %s)", address)
    mailing.ask(customer.email)

    mailing.deliver()

    assert mailing.smtp.recipients == [customer.email]
    assert db.one("SELECT count(*) FROM outbox_mail WHERE sent_at IS NULL AND last_error IS NOT NULL")["count"] == 1
