"""What a mail looks like: nothing of a stranger's in it, no line too long, links whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Account, log_in
from tests.support.answers import data_of, done
from tests.support.builders import ME, NEW_PASSWORD, registered
from tests.support.client import CheckingClient
from tests.support.smtp import RESET_URL, Mailing


@pytest.mark.parametrize(
    "name",
    [
        "customer, your account was LOCKED, call 555-0100 or see https://eve.example/" + "x" * 150,
        "Eve Doe\r\nBcc: eve@example.com",
        "<a href='https://eve.example'>Eve Doe</a>",
    ],
)
def test_no_mail_holds_the_name_of_its_account(mailing: Mailing, client: CheckingClient, name: str) -> None:
    """Cause: whoever registered a stranger's e-mail wrote 255 characters into a mail of the shop to that stranger."""
    email = registered(client, full_name=name)["email"]

    done(mailing.use(mailing.token(email)))
    log_in(client, email, NEW_PASSWORD)
    data_of(client.patch(ME, json={"email": "b@example.com"}))
    mailing.deliver()

    assert mailing.smtp.recipients == [email] * 3
    for mail in mailing.smtp.mails:
        written = mail.message.as_string() + mail.part("plain") + mail.part("html")
        # In no secret and no boundary, as three characters of it would be now and then.
        assert not [part for part in ("Eve Doe", "eve@", "eve.example", "LOCKED", "555-0100") if part in written]


@pytest.mark.parametrize("email", ["ann@example.com\r\nBcc: eve@example.com", "ann@exa\nmple.com"])
def test_an_existing_shops_e_mail_adds_no_header_and_stops_no_other_mail(
    mailing: Mailing, ann: Account, email: str
) -> None:
    mailing.db.execute("INSERT INTO outbox_mail (kind, recipient) VALUES ('password_changed', %s)", email)
    mailing.ask(ann.email)

    mailing.deliver()

    assert mailing.smtp.recipients == [ann.email]
    assert mailing.db.one("SELECT last_error FROM outbox_mail WHERE sent_at IS NULL")["last_error"]


@pytest.fixture
def templates(tmp_path: Path, mailing: Mailing) -> Callable[..., Mailing]:
    def make(text: str, html: str) -> Mailing:
        for kind, content in (("txt", text), ("html", html)):
            (tmp_path / f"reset_password.{kind}").write_text(content, encoding="utf-8")
        return mailing.other(mail_templates=tmp_path)

    return make


LONG = ["Hello " * 1000, "Grüße, Zoë 👋 Łódź " * 300, "x" * 900 + " " + "ü" * 450]


@pytest.mark.parametrize("words", LONG, ids=["ASCII", "UTF-8", "long"])
def test_lines_are_short_and_a_link_is_whole(templates: Callable[..., Mailing], ann: Account, words: str) -> None:
    """Cause: quoted-printable breaks lines at 76 characters, and `grep token=` found half a token."""
    mailing = templates(f"Zoë's\n\n{words}{{{{ link }}}} {words}\n", f"<p>{words}{{{{ link }}}} {words}</p>\n")
    mailing.ask(ann.email)

    (mail,) = mailing.deliver()

    lines, link = mail.source.split(b"\r\n"), RESET_URL.replace("{token}", mail.token)
    assert sum(link.encode() in line for line in lines) == 2, "in the text and in the HTML"
    assert max(len(line) for line in lines) <= 998  # RFC 5322 section 2.1.1
    whole = f"{words}{link} {words}"
    assert [mail.part(kind).split() for kind in ("plain", "html")] == [whole.split(), f"<p>{whole}</p>".split()]
    assert mail.subject == "Zoë's"


def test_a_template_that_cannot_be_filled_stops_no_other_mail(templates: Callable[..., Mailing], ann: Account) -> None:
    """Cause: such a fault ended the sender, and `flask outbox` said nothing of it."""
    mailing = templates("Subject\n\n{{ link }}", "{{ name }}")
    mailing.ask(ann.email)
    data_of(ann.client.patch(ann.path, json={"password": NEW_PASSWORD}))

    mailing.deliver()

    assert [mail.subject for mail in mailing.smtp.mails] == ["Your password was changed"]
    waiting = mailing.db.one("SELECT last_error FROM outbox_mail WHERE sent_at IS NULL")
    assert "'name' is undefined" in waiting["last_error"]
