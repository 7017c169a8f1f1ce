"""A real SMTP server in a thread, which can be told to misbehave; and an application that sends its mail there."""

import asyncio
import email
import re
from contextlib import AbstractContextManager
from email import policy
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from flask import Flask
from werkzeug.test import TestResponse

from customers.http import context
from customers.mail.sender import deliver_next
from tests.conftest import MakeApp, new_client
from tests.support.builders import NEW_PASSWORD
from tests.support.database import Db
from tests.support.service import free_port

MAIL_FROM = "The Shop <no-reply@shop.example>"
RESET_URL = "https://shop.example/reset?token={token}"
SENDING = {"mail_from": MAIL_FROM, "reset_url": RESET_URL}
_LINK = re.compile(r"https://shop\.example/reset\?token=([A-Za-z0-9_-]+)")


class Mail(NamedTuple):
    recipients: list[str]
    message: EmailMessage
    source: bytes  # as it came over the wire

    def part(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        assert part is not None
        content: str = part.get_content()
        return content

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def token(self) -> str:
        """The secret in the link of the text, which is the one of the HTML too."""
        (plain,), (html,) = (_LINK.findall(self.part(subtype)) for subtype in ("plain", "html"))
        assert plain == html
        return str(plain)


class MailServer(AbstractContextManager["MailServer"]):
    """An SMTP server on a port of its own. What its attributes say holds from the next command on."""

    def __init__(self, *, auth: bool = False, tls: SSLContext | None = None) -> None:
        """With ``auth`` it demands the credentials user and secret; with ``tls`` it speaks TLS from the first byte."""
        self.port = free_port()
        self.mails: list[Mail] = []
        self.delay = 0.0  # seconds before each line it says
        self.greeting_lines = 0  # said one after the other in answer to EHLO, each after the delay
        self.dies = False  # closes the connection in the middle of DATA
        self.refusals: dict[str, str] = {}  # "connect", "EHLO", "MAIL", "RCPT", "DATA" or "QUIT" -> answer
        self.connections: list[SMTP] = []
        self._options: dict[str, Any] = {"auth_required": auth, "ssl_context": tls}
        self.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        return {"CUSTOMERS_SMTP_URL": self.url, "CUSTOMERS_MAIL_FROM": MAIL_FROM, "CUSTOMERS_RESET_URL": RESET_URL}

    @property
    def recipients(self) -> list[str]:
        return [recipient for mail in self.mails for recipient in mail.recipients]

    def start(self) -> None:
        auth: dict[str, Any] = {"auth_require_tls": False, "authenticator": _authenticate}
        self._controller = _Controller(
            self, "127.0.0.1", self.port, server_hostname="mail.example", enable_SMTPUTF8=False, **auth, **self._options
        )
        self._controller.start()

    def stop(self) -> None:
        """Be down: nobody listens, and who is talking is cut off."""
        asyncio.run_coroutine_threadsafe(self._cut_off(), self._controller.loop).result(10)
        self._controller.stop()

    async def _cut_off(self) -> None:
        for connection in self.connections:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What aiosmtpd asks, by the names of its hooks (hence N802).

    async def handle_EHLO(self, server: SMTP, session: Session, _: Envelope, hostname: str, lines: list[str]) -> Any:
        session.host_name = hostname
        for _number in range(self.greeting_lines):
            await server.push("250-still here")
        return [self.refusals["EHLO"]] if "EHLO" in self.refusals else lines

    async def handle_HELO(self, server: SMTP, session: Session, _: Envelope, hostname: str) -> str:
        session.host_name = hostname
        return self.refusals.get("EHLO", "250 mail.example")

    async def handle_MAIL(self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        return self.refusals.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, *rest: Any) -> str:
        envelope.rcpt_tos.append(address)
        return self.refusals.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" not in self.refusals:
            assert isinstance(envelope.content, bytes)
            message = email.message_from_bytes(envelope.content, policy=policy.default)
            self.mails.append(Mail([str(recipient) for recipient in envelope.rcpt_tos], message, envelope.content))
        return self.refusals.get("DATA", "250 OK")

    async def handle_QUIT(self, *_: Any) -> str:
        return self.refusals.get("QUIT", "221 Bye")


class _Controller(Controller):
    def factory(self) -> SMTP:
        connection = _Connection(self.handler, loop=self.loop, **self.SMTP_kwargs)
        self.handler.connections.append(connection)
        return connection


class _Connection(SMTP):
    event_handler: MailServer

    async def push(self, status: Any) -> None:
        await asyncio.sleep(self.event_handler.delay)
        if str(status).startswith("220"):
            status = self.event_handler.refusals.get("connect", status)
        await super().push(status)
        if str(status).startswith("354") and self.event_handler.dies:
            assert self.transport is not None
            self.transport.close()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, credentials: Any) -> AuthResult:
    assert isinstance(credentials, LoginPassword)
    return AuthResult(success=(credentials.login, credentials.password) == (b"user", b"secret"), handled=False)


class Mailing:
    """An application that sends its mail to a server of the tests'."""

    def __init__(self, app: Flask, make_app: MakeApp, smtp: MailServer, db: Db) -> None:
        self.app = app
        self.ctx = context.of(app)
        self.smtp = smtp
        self.db = db
        self._make_app = make_app

    def other(self, **settings: Any) -> "Mailing":
        """Return the same with other settings."""
        app = self._make_app(**{"smtp_url": self.smtp.url, **SENDING, **settings})
        return Mailing(app, self._make_app, self.smtp, self.db)

    def ask(self, address: str, **headers: str) -> TestResponse:
        return new_client(self.app).post("/api/customers/reset-password", json={"email": address}, headers=headers)

    def use(self, token: str, password: str = NEW_PASSWORD) -> TestResponse:
        return new_client(self.app).post("/api/customers/password", json={"token": token, "password": password})

    def deliver(self) -> list[Mail]:
        """Have the service send what is due; return what arrived."""
        before = len(self.smtp.mails)
        while deliver_next(self.ctx.db, self.ctx.settings, self.ctx.mail):
            pass
        return self.smtp.mails[before:]

    def hurry(self) -> None:
        """End all pauses, and the leases of senders that are no more."""
        self.db.execute("UPDATE outbox_mail SET next_attempt_at = now()")

    def let_pass(self, interval: str) -> None:
        ages = ", ".join(f"{name} = {name} - interval '{interval}'" for name in ("created_at", "sent_at", "failed_at"))
        self.db.execute(f"UPDATE outbox_mail SET {ages}")

    def token(self, address: str) -> str:
        self.let_pass("2 min")
        assert self.ask(address).status_code == 200
        (mail,) = self.deliver()
        return mail.token

    def outbox(self, *options: str) -> str:
        """Return what `flask outbox` says, as a terminal would get it."""
        return self.app.test_cli_runner().invoke(args=["outbox", *options], color=True).output
