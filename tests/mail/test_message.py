"""A mail, and its way: nothing of a stranger's in it, links whole; to the right server alone; what refusals end."""

import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from customers.mail.smtp import NotSent, Refused, Smtp
from tests.conftest import REPOSITORY, Account, log_in
from tests.support.answers import data_of, done
from tests.support.builders import ME, NEW_PASSWORD, registered
from tests.support.client import CheckingClient
from tests.support.smtp import RESET_URL, Mailing, MailServer


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


CERTIFICATE = REPOSITORY / "tests" / "self_signed.pem"  # names 127.0.0.1


@pytest.fixture
def message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@shop.example", "ann@example.com", "Hello"
    message.set_content("Hello")
    return message


def test_a_server_without_a_certificate_of_its_name_that_somebody_vouches_for_gets_no_mail(
    message: EmailMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)

    with MailServer(tls=tls) as server:
        right, wrong = (Smtp(f"smtps://{host}:{server.port}", timeout=5) for host in ("127.0.0.1", "localhost"))
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            right.send(message)
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        with pytest.raises(NotSent, match="localhost"):
            wrong.send(message)
        assert server.mails == []
        right.send(message)
        assert len(server.mails) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_password_goes_to_no_other_machine_unencrypted(message: EmailMessage) -> None:
    """127.1 is this machine, but none of the names by which the service knows it. No fault repeats a password."""
    with MailServer(auth=True) as server:
        for place, reason in (
            ("user:secret@127.1", "no encryption"),
            ("user:wr%6Fng@127.0.0.1", "Authentication"),
            ("127.0.0.1", "Authentication required"),
        ):
            with pytest.raises(NotSent, match=reason) as caught:
                Smtp(f"smtp://{place}:{server.port}", timeout=5).send(message)
            assert not any(password in str(caught.value) for password in ("secret", "wrong"))
        assert server.mails == []
        Smtp(f"smtp://user:secret@127.0.0.1:{server.port}", timeout=5).send(message)
        assert len(server.mails) == 1


FINAL, LATER = Refused, NotSent
REFUSALS = [
    ("connect", "554 No SMTP service here", LATER),
    ("EHLO", "550 Who are you?", LATER),
    ("MAIL", "553 Sorry, that domain is not ours", LATER),
    ("RCPT", "554 5.7.606 Client host blocked using zen.blocklist.example", LATER),
    ("RCPT", "450 4.2.1 Mailbox busy", LATER),
    ("RCPT", "550 5.1.1 No such user", FINAL),
    ("RCPT", "550 No such user", FINAL),
    ("DATA", "550 5.7.1 Message rejected as spam", LATER),
    ("DATA", "451 4.3.0 Try again", LATER),
    ("DATA", "552 5.3.4 Message too big", FINAL),
]


def test_a_server_that_refuses_us_may_take_the_mail_later_and_one_that_refuses_it_never(message: EmailMessage) -> None:
    """Cause: a sender's rejection, a blocklist or a refused EHLO gave each mail up at the first attempt."""
    with MailServer() as server:
        for step, answer, error in REFUSALS:
            server.refusals = {step: answer}
            with pytest.raises((Refused, NotSent)) as refusal:
                Smtp(server.url, timeout=5).send(message)

            assert refusal.type is error, (step, answer)
            assert answer.split(" ", 1)[1] in str(refusal.value)


def test_a_server_that_dies_in_the_middle_or_is_slow_has_not_taken_the_mail(message: EmailMessage) -> None:
    for trouble, error in (("dies", "Connection unexpectedly closed"), ("delay", "timed out")):
        with MailServer() as server:
            setattr(server, trouble, 1)
            with pytest.raises(NotSent, match=error):
                Smtp(server.url, timeout=0.5).send(message)
        assert server.mails == []


def test_what_a_mail_server_says_reaches_no_terminal_as_an_escape_sequence(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.refusals["RCPT"] = "450 4.2.1 No\x1b[2J\x1b]0;owned\x07\r user"
    mailing.ask(ann.email)
    mailing.deliver()
    # An existing shop's e-mail reaches the same line.
    mailing.db.execute("INSERT INTO outbox_mail (kind, recipient) VALUES ('password_changed', E'\\x1b[2J@b.co')")

    shown = mailing.outbox()

    assert "user" in shown
    assert [line for line in shown.splitlines() if not line.isprintable()] == []
    assert len(shown.splitlines()) == 3
