"""How mail is sent, and what stands in it."""

from dataclasses import dataclass
from pathlib import Path

from customers import readers
from customers.environment import setting


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """How mail is sent, and what stands in it."""

    smtp_url: str | None = setting(
        "CUSTOMERS_SMTP_URL",
        readers.smtp_url,
        None,
        "mail server, as `smtp://user:secret@host:587` or `smtps://…`",
        "none: with its own PostgreSQL, mails become files in the data directory; else no mail",
    )
    smtp_timeout: float = setting("CUSTOMERS_SMTP_TIMEOUT", readers.seconds, 10.0, "wait for the mail server", "10")
    mail_from: str = setting(
        "CUSTOMERS_MAIL_FROM",
        readers.mail_address,
        "Customers <no-reply@localhost>",
        "sender of mails; needed with `CUSTOMERS_SMTP_URL`",
    )
    mail_templates: Path | None = setting(
        "CUSTOMERS_MAIL_TEMPLATES", readers.path, None, "folder of templates that replace the service's own", "none"
    )
    mail_sender: bool = setting(
        "CUSTOMERS_MAIL_SENDER", readers.flag, True, "`false`: mail is sent by `flask send-mail` alone", "true"
    )
    reset_url: str = setting(
        "CUSTOMERS_RESET_URL",
        readers.reset_url,
        "http://127.0.0.1:8000/reset-password?token={token}",
        "page behind the link in a reset mail; holds `{token}`; needed with `CUSTOMERS_SMTP_URL`",
    )
