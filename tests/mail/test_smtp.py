"""Mail on its way: to the right server alone, with no password where others can read it; which refusals are final."""

import ssl
from email.message import EmailMessage

import pytest

from customers.mail.smtp import NotSent, Refused, Smtp
from tests.conftest import REPOSITORY, Account
from tests.support.smtp import Mailing, MailServer

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
