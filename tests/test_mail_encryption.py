"""Mail on its way: to nobody but the server that the setting names, and no password where others can read it."""

import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from customers.outbox.transport import NotSent, Smtp
from tests.conftest import REPOSITORY
from tests.support.service import free_port
from tests.support.smtp import MailServer

CERTIFICATE = REPOSITORY / "tests" / "self_signed.pem"  # names 127.0.0.1


class Handler:
    """Takes every mail."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.taken += 1
        return "250 OK"


@pytest.fixture
def encrypting() -> Iterator[Controller]:
    """Return a server that speaks TLS from the first byte on, with a certificate that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    controller = Controller(Handler(), hostname="127.0.0.1", port=free_port(), ssl_context=context)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@shop.example", "ann@example.com", "Hello"
    message.set_content("Hello")
    return message


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_mail(
    encrypting: Controller, message: EmailMessage
) -> None:
    with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        Smtp(f"smtps://127.0.0.1:{encrypting.port}", timeout=5).send(message)

    assert encrypting.handler.taken == 0


def test_nor_does_one_that_has_the_certificate_of_another(
    encrypting: Controller, message: EmailMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    with pytest.raises(NotSent, match="localhost"):
        Smtp(f"smtps://localhost:{encrypting.port}", timeout=5).send(message)
    Smtp(f"smtps://127.0.0.1:{encrypting.port}", timeout=5).send(message)

    assert encrypting.handler.taken == 1


def test_a_password_goes_to_no_other_machine_unencrypted(message: EmailMessage) -> None:
    """127.1 is this machine, but none of the names by which the service knows it."""
    with MailServer(auth=True) as server:
        with pytest.raises(NotSent, match="no encryption"):
            Smtp(f"smtp://user:secret@127.1:{server.port}", timeout=5).send(message)
        Smtp(f"smtp://user:secret@127.0.0.1:{server.port}", timeout=5).send(message)

        assert len(server.mails) == 1
