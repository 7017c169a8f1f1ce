"""What a mail looks like, and where it goes: by the settings."""

import re
import threading
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, parseaddr
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, select_autoescape

from customers.config import Settings
from customers.outbox.transport import Folder, Smtp, Transport

# Controls, the ends of lines and paragraphs, and what turns the direction of the text that follows.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(name: str | None) -> str:
    """Return a name as it may stand in a mail: whoever registers with another's address must not write the mail."""
    return _UNSEEN.sub(" ", name or "").strip()


class Mail:
    """Templates and a transport. ``wake`` is set when there is something to send in this process."""

    def __init__(self, settings: Settings) -> None:
        own = PackageLoader("customers.outbox", "templates")
        loaders = [FileSystemLoader(settings.mail_templates), own] if settings.mail_templates else [own]
        self._templates = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._settings = settings
        self.wake = threading.Event()
        self.transport: Transport | None = None
        if settings.smtp_url:
            self.transport = Smtp(settings.smtp_url, settings.smtp_timeout)
        elif settings.embedded:
            self.transport = Folder(settings.data_dir.resolve() / "mail")

    @property
    def available(self) -> bool:
        """Whether mail can be sent at all."""
        return self.transport is not None

    def compose(self, kind: str, recipient: str, mail_id: str, **values: Any) -> EmailMessage:
        """Return a mail of a kind, text and HTML. The text template's first line is the subject."""
        text = self._templates.get_template(f"{kind}.txt").render(values)
        html = self._templates.get_template(f"{kind}.html").render(values)
        subject, _, body = text.partition("\n")
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = self._settings.mail_from
        message["To"] = recipient
        message["Subject"] = subject.strip()
        message["Date"] = formatdate()
        # The same for every attempt, so that a reader's mailbox can tell a second copy.
        message["Message-ID"] = f"<customers-{mail_id}@{parseaddr(self._settings.mail_from)[1].rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834
        for part, subtype in ((body.lstrip("\n"), "plain"), (html, "html")):
            # Plain where it can be: quoted-printable would break a link into lines for whoever reads the file.
            encoding = "7bit" if part.isascii() else "quoted-printable"
            add = message.set_content if subtype == "plain" else message.add_alternative
            add(part, subtype=subtype, cte=encoding)
        return message
