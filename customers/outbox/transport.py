"""How a mail leaves: over SMTP, or, for development, into a folder."""

import contextlib
import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

# So many timeouts' time a server has for all of a mail.
STEPS = 6

_LOCAL = ("localhost", "127.0.0.1", "::1")


class Refused(Exception):  # as in the rest of the family: it says what is wrong
    """The server will never take this mail; trying again is no use."""


class NotSent(Exception):
    """The mail was not taken this time."""


class Transport(Protocol):
    """Something that takes a mail."""

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises Refused, NotSent."""


@dataclass(frozen=True)
class Smtp:
    """An SMTP server: ``smtp://user:secret@host:587`` (with STARTTLS where offered), or ``smtps://…``."""

    url: str
    timeout: float  # seconds, for each step

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises Refused, NotSent."""
        server = self._client()
        # The timeout is for each answer; a server that keeps giving a little must not keep the mail for ever.
        watchdog = threading.Timer(self.timeout * STEPS, _hang_up, [server])
        watchdog.daemon = True
        watchdog.start()
        try:
            self._greet(server)
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            raise (Refused if all(code >= 500 for code in codes) else NotSent)(_reason(error)) from None
        except smtplib.SMTPResponseException as error:
            permanent = error.smtp_code >= 500 and isinstance(error, (smtplib.SMTPDataError, smtplib.SMTPSenderRefused))
            raise (Refused if permanent else NotSent)(_reason(error)) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_reason(error)) from None
        finally:
            # The mail is taken or it is not, whatever the server says to a farewell.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            watchdog.cancel()
            server.close()

    def _client(self) -> smtplib.SMTP:
        """Return a client that has not connected yet."""
        parts = urlsplit(self.url)
        client: smtplib.SMTP
        if parts.scheme == "smtps":
            client = smtplib.SMTP_SSL(timeout=self.timeout, context=ssl.create_default_context())
        else:
            client = smtplib.SMTP(timeout=self.timeout)
        # Whom a certificate must name. The constructor takes it, but connects at once then, with no watchdog about.
        client._host = parts.hostname or "localhost"  # type: ignore[attr-defined]  # it has no public name
        return client

    def _greet(self, server: smtplib.SMTP) -> None:
        """Connect, encrypt where it can be, and sign in where that is wanted."""
        parts = urlsplit(self.url)
        host, encrypted = parts.hostname or "localhost", parts.scheme == "smtps"
        server.connect(host, parts.port or (465 if encrypted else 25))
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            encrypted = True
        if parts.username:
            _require_encryption(host, encrypted=encrypted)
            server.login(unquote(parts.username), unquote(parts.password or ""))


def _hang_up(server: smtplib.SMTP) -> None:
    """Have whoever waits for the server find the connection closed."""
    if server.sock is not None:
        with contextlib.suppress(OSError):
            # The plain socket's own: an SSLSocket's would drop the encryption first, under the sender's hands.
            socket.socket.shutdown(server.sock, socket.SHUT_RDWR)


def _require_encryption(host: str, *, encrypted: bool) -> None:
    if not encrypted and host not in _LOCAL:
        raise NotSent("the server offers no encryption, and the password is not sent without")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


@dataclass(frozen=True)
class Folder:
    """A folder that each mail is written to, readable by its owner alone: it may hold a secret."""

    path: Path

    def send(self, message: EmailMessage) -> None:
        """Write the mail as a file named after its Message-ID."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").partition("@")[0]
        draft = self.path / f".{name}"
        draft.touch(mode=0o600)
        draft.write_bytes(message.as_bytes())
        draft.replace(self.path / f"{name}.eml")
