"""How a mail leaves: over SMTP, or, for development, into a directory."""

import contextlib
import re
import smtplib  # noqa: TID251  # banned, so that mail leaves here alone
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

STEPS = 8  # a mail takes at most so many answers of the server, each of which may take the timeout
_STEPS_TO_CONNECT = 4  # so many of them come before the first of the mail's own

_LOCAL = ("localhost", "127.0.0.1", "::1")
# An enhanced status code (RFC 3463) of class 5.7: policy and authentication, a blocklist among them, not the mailbox.
_POLICY = re.compile(r"5\.7\.[0-9]{1,3}\b")


class Refused(Exception):
    """The server will never take this mail."""


class NotSent(Exception):
    """The mail was not taken this time."""


@dataclass(frozen=True)
class Smtp:
    """An SMTP server: ``smtp://user:secret@host:587`` (with STARTTLS where offered), or ``smtps://…``."""

    url: str = field(repr=False)  # may hold a password
    timeout: float  # seconds, for each answer

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises Refused, and NotSent for a server that may take it later."""
        began = time.monotonic()
        try:
            with self._connected() as server:
                # An answer of many lines may take the timeout with each. Nobody else may send the mail meanwhile.
                if time.monotonic() - began > self.timeout * _STEPS_TO_CONNECT:
                    raise NotSent("the server takes too long to greet")
                server.send_message(message)
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    server.quit()  # the mail is taken, whatever the server says to a farewell
        except (OSError, smtplib.SMTPException) as error:
            raise (Refused if _is_final(error) else NotSent)(f"{type(error).__name__}: {error}"[:500]) from None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Return a client that has connected, encrypted where that is offered, and signed in where that is wanted."""
        parts = urlsplit(self.url)
        host, encrypted = parts.hostname or "localhost", parts.scheme == "smtps"
        server: smtplib.SMTP
        if encrypted:
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=self.timeout, context=context)
        else:
            server = smtplib.SMTP(host, parts.port or 25, timeout=self.timeout)
        with contextlib.closing(server):
            server.ehlo_or_helo_if_needed()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
                encrypted = True
            if parts.username:
                if not encrypted and host not in _LOCAL:
                    raise NotSent("the server offers no encryption, and the password is not sent without")
                server.login(unquote(parts.username), unquote(parts.password or ""))
            yield server


def _is_final(error: Exception) -> bool:
    """Return whether the server refuses the recipient or the text for good, and not us, the sender or the greeting."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(_is_permanent(*answer) for answer in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and _is_permanent(error.smtp_code, error.smtp_error)


def _is_permanent(code: int, said: bytes | str) -> bool:
    return code >= 500 and not _POLICY.search(str(said))


@dataclass(frozen=True)
class Directory:
    """A directory in which each mail becomes a file, readable by its owner alone: it may hold a secret."""

    path: Path

    def send(self, message: EmailMessage) -> None:
        """Write the mail as a file named after its Message-ID."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").partition("@")[0]
        draft = self.path / f".{name}"  # so that nobody reads half a mail
        draft.touch(mode=0o600)
        draft.write_bytes(message.as_bytes())
        draft.replace(self.path / f"{name}.eml")
