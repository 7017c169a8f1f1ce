"""What a mail looks like: nothing of a stranger's in it, no line too long, links whole."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from customers.config import Settings
from customers.mail.message import Mail
from tests.conftest import Account, log_in, new_client
from tests.support.answers import data_of, done
from tests.support.builders import ME, registered
from tests.support.database import Db
from tests.support.smtp import NEW_PASSWORD, RESET_URL, Mailing, MailServer

LINK = RESET_URL.replace("{token}", "x" * 43)
LONGEST_LINE = 998  # octets, RFC 5322 section 2.1.1


@pytest.mark.parametrize(
    "name",
    [
        "customer, your account was LOCKED, call 555-0100 or see https://eve.example/" + "x" * 150,
        "Eve\r\nBcc: eve@example.com",
        "<a href='https://eve.example'>Eve</a>",
    ],
)
def test_no_mail_holds_the_name_that_somebody_registered_its_e_mail_with(mailing: Mailing, name: str) -> None:
    """Cause: whoever registered a stranger's e-mail wrote 255 characters into a mail of the shop to that stranger."""
    email, stranger = "stranger@example.com", new_client(mailing.app)
    registered(stranger, email=email, full_name=name)

    done(mailing.use(mailing.token(email)))
    log_in(stranger, email, NEW_PASSWORD)
    data_of(stranger.patch(ME, json={"email": "b@example.com"}))
    mailing.deliver()

    assert mailing.smtp.recipients == [email] * 3
    for mail in mailing.smtp.mails:
        written = mail.message.as_string() + mail.part("plain") + mail.part("html")
        assert not any(part in written for part in ("Eve", "eve", "LOCKED", "locked", "555-"))


@pytest.mark.parametrize("email", ["ann@example.com\r\nBcc: eve@example.com", "ann@exa\nmple.com"])
def test_an_e_mail_of_an_existing_shop_adds_no_header_and_keeps_no_other_mail_waiting(
    mailing: Mailing, ann: Account, db: Db, email: str
) -> None:
    db.execute("INSERT INTO outbox_mail (kind, recipient) VALUES ('password_changed', %s)", email)
    mailing.ask(ann.email)

    mailing.deliver()

    assert mailing.smtp.recipients == [ann.email]
    assert db.one("SELECT last_error IS NOT NULL AS told FROM outbox_mail WHERE sent_at IS NULL") == {"told": True}


# ---------------------------------------------------------------- a shop's own templates


@pytest.fixture
def templates(tmp_path: Path, make_app: Callable[..., Flask], smtp: MailServer, db: Db) -> Callable[..., Mailing]:
    """Return a function that makes an application with these templates of the reset mail."""

    def make(text: str, html: str) -> Mailing:
        for kind, content in (("txt", text), ("html", html)):
            (tmp_path / f"reset_password.{kind}").write_text(content, encoding="utf-8")
        return Mailing(make_app, smtp, db, mail_templates=tmp_path)

    return make


@pytest.mark.parametrize("words", ["Hello", "Grüße, Zoë 👋 Łódź"], ids=["ASCII", "UTF-8"])
def test_a_link_stands_whole_on_one_line_of_the_mails_source(
    templates: Callable[..., Mailing], ann: Account, words: str
) -> None:
    """Cause: quoted-printable breaks lines at 76 characters, and `grep token=` found half a token."""
    words = f"{words}, your new password:"
    mailing = templates(f"{words}\n\n{words} {{{{ link }}}}\n", f'<p>{words} <a href="{{{{ link }}}}">here</a></p>')
    mailing.ask(ann.email)

    (mail,) = mailing.deliver()

    link = RESET_URL.replace("{token}", mail.token).encode()
    assert sum(link in line for line in mail.source.split(b"\r\n")) == 2, "in the text and in the HTML"
    assert words in mail.part("plain")
    assert words in mail.part("html")
    assert mail.subject == words


@pytest.mark.parametrize(
    "text", ["word " * 1000, "wörd " * 1000, "x" * 900 + " " + LINK + " " + "ü" * 450], ids=["ASCII", "UTF-8", "long"]
)
def test_no_line_of_a_mail_is_longer_than_998_octets_and_no_word_is_lost(text: str, tmp_path: Path) -> None:
    (tmp_path / "reset_password.txt").write_text(f"Subject\n\n{text}", encoding="utf-8")
    (tmp_path / "reset_password.html").write_text(f"<p>{text}</p>", encoding="utf-8")

    message = Mail(Settings(mail_templates=tmp_path)).compose("reset_password", "ann@example.com", "1")

    assert max(len(line) for line in message.as_bytes().split(b"\r\n")) <= LONGEST_LINE
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    assert [part.get_content().split() for part in parts if part] == [text.split(), f"<p>{text}</p>".split()]


def test_a_template_that_cannot_be_filled_is_a_failed_attempt_and_stops_no_other_mail(
    templates: Callable[..., Mailing], smtp: MailServer, db: Db, ann: Account
) -> None:
    """Cause: such a fault ended the sender, and `flask outbox` said nothing of it."""
    mailing = templates("Subject\n\n{{ link }}", "{{ name }}")
    mailing.ask(ann.email)
    new_client(mailing.app).patch(ann.path, json={"password": NEW_PASSWORD}, headers=ann.headers)

    mailing.deliver()

    assert [mail.subject for mail in smtp.mails] == ["Your password was changed"]
    assert "'name' is undefined" in db.one("SELECT last_error FROM outbox_mail WHERE sent_at IS NULL")["last_error"]
