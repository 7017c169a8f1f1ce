"""What a mail looks like, and where it goes, by the settings."""

import textwrap
import threading
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from customers.config import Settings
from customers.mail.smtp import Directory, Smtp

_LONGEST_LINE = 998  # octets (RFC 5322 section 2.1.1)
# Lines that fit are 7bit or 8bit, never quoted-printable: a link stands whole on one line for who reads the source.
_POLICY = SMTP.clone(max_line_length=_LONGEST_LINE)
_WRAPPED = 240  # characters, of at most four octets each


class Mail:
    """Templates and a transport. ``wake`` is set when this process has written a mail to the outbox."""

    def __init__(self, settings: Settings) -> None:
        own = Path(__file__).parent / "templates"
        self._templates = Environment(
            loader=FileSystemLoader([settings.mail_templates or own, own]),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._sender = settings.mail_from
        self.wake = threading.Event()
        self.transport: Smtp | Directory | None = None
        if settings.smtp_url:
            self.transport = Smtp(settings.smtp_url, settings.smtp_timeout)
        elif settings.mail_directory:
            self.transport = Directory(settings.mail_directory.resolve())

    @property
    def available(self) -> bool:
        """Whether mail can be sent at all."""
        return self.transport is not None

    def compose(self, kind: str, recipient: str, mail_id: str, **values: Any) -> EmailMessage:
        """Return a mail of a kind, as text and HTML. The first line of the text template is the subject."""
        text = self._templates.get_template(f"{kind}.txt").render(values)
        html = self._templates.get_template(f"{kind}.html").render(values)
        subject, _, body = text.partition("\n")
        message = EmailMessage(policy=_POLICY)
        message["From"] = self._sender
        message["To"] = recipient
        message["Subject"] = subject.strip()
        message["Date"] = formatdate()
        # The same for every attempt, so that a reader's mailbox can tell a second copy.
        message["Message-ID"] = f"<customers-{mail_id}@{parseaddr(self._sender)[1].rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834
        message.set_content(_wrapped(body.lstrip("\n")))
        message.add_alternative(_wrapped(html), subtype="html")
        return message


def _wrapped(text: str) -> str:
    """Return a text without lines over 998 octets, broken at blanks."""
    lines = []
    for line in text.splitlines():
        fits = len(line.encode()) <= _LONGEST_LINE
        lines += [line] if fits else textwrap.wrap(line, _WRAPPED, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) + "\n"
