"""Sending what waits (CONTRACT section 8): each mail once, as soon as the server takes it, for a day at most."""

import hashlib
import logging
import secrets
import threading
from email.message import EmailMessage
from typing import Any

from jinja2 import TemplateError
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from customers.outbox import sql
from customers.outbox.mail import one_line
from customers.outbox.transport import STEPS, NotSent, Refused
from customers.recovery import sql as recovery
from customers.resources import Resources

log = logging.getLogger(__name__)

_A_MINUTE, _A_DAY = 1, 5  # reset mails for one account
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0
_POLL, _WITHOUT_DATABASE = 1.0, 10.0  # seconds


def deliver_next(resources: Resources) -> bool:
    """Send one mail that is due; return whether there was one, sent or not."""
    # Longer than a server that answers slowly at every step can take, so that nobody else sends it meanwhile.
    lease = resources.settings.smtp_timeout * (STEPS + 2)
    with resources.database.writing() as conn:
        mail = sql.claim(conn, lease)
    if mail is None:
        return False
    if mail.overdue:
        _failed(resources, mail, "not sent within a day", final=True)
        return True
    try:
        message = _compose(resources, mail)
    except (TemplateError, ValueError) as fault:  # in a shop's own template, or in what it is filled with
        _failed(resources, mail, f"{type(fault).__name__}: {fault}", final=False)
        return True
    if message is None:
        return True
    transport = resources.mail.transport
    assert transport is not None, "nothing is enqueued without"
    try:
        transport.send(message)
    except Refused as refusal:
        _failed(resources, mail, str(refusal), final=True)
    except (NotSent, OSError) as cause:
        _failed(resources, mail, str(cause), final=False)
    else:
        with resources.database.writing() as conn:
            sql.mark_sent(conn, mail.outbox_mail_id)
        log.info("mail sent", extra={"fields": {"mail": mail.outbox_mail_id, "kind": mail.kind}})
    return True


def _failed(resources: Resources, mail: Row[Any], error: str, *, final: bool) -> None:
    pause = min(_FIRST_PAUSE * 3 ** (mail.attempts - 1), _LONGEST_PAUSE)
    with resources.database.writing() as conn:
        sql.mark_failed(conn, mail.outbox_mail_id, error, final=final, pause=pause)
    log.warning(
        "mail not sent%s: %s", ", for good" if final else "", error, extra={"fields": {"mail": mail.outbox_mail_id}}
    )


def _compose(resources: Resources, mail: Row[Any]) -> EmailMessage | None:
    """Return the mail to send, or None if, as it turns out, there is none to be sent."""
    mail_id = f"{mail.outbox_mail_id}-{int(mail.created_at.timestamp())}"
    if mail.kind != "reset_password":
        return resources.mail.compose(mail.kind, mail.recipient, mail_id)
    with resources.database.writing() as conn:
        account = recovery.find_active(conn, mail.recipient)
        if account is None:
            sql.drop(conn, mail.outbox_mail_id)
            return None
        recent = sql.count_recent(conn, account.customer_id, mail.kind, mail.outbox_mail_id)
        if recent.in_a_minute >= _A_MINUTE or recent.in_a_day >= _A_DAY:
            sql.drop(conn, mail.outbox_mail_id)
            return None
        sql.assign(conn, mail.outbox_mail_id, account.customer_id)
        secret = secrets.token_urlsafe(32)  # 256 bits, and nowhere but in the mail
        recovery.insert(conn, account.customer_id, hashlib.sha256(secret.encode()).hexdigest())
    return resources.mail.compose(
        mail.kind,
        account.email,
        mail_id,
        name=one_line(account.full_name),
        link=resources.settings.reset_url.replace("{token}", secret),
        minutes=resources.settings.reset_lifetime // 60,
    )


class Sender(threading.Thread):
    """Sends mail in the background of a process that serves."""

    def __init__(self, resources: Resources) -> None:
        super().__init__(name="mail", daemon=True)
        self._resources = resources
        self._stopping = threading.Event()

    def run(self) -> None:
        """Send until stopped: at once what this process has written, within a second what others have."""
        wake = self._resources.mail.wake
        while not self._stopping.is_set():
            wake.wait(_POLL)
            wake.clear()
            try:
                while not self._stopping.is_set() and deliver_next(self._resources):
                    pass
            except SQLAlchemyError as error:
                # The database is away; what waits will wait a little longer.
                cause = getattr(error, "orig", None) or error
                log.warning("mail cannot be looked for: %s", " ".join(str(cause).split()))
                self._stopping.wait(_WITHOUT_DATABASE)
            except Exception:
                log.exception("the sender of mail stumbled")  # over one mail; the others must not wait for it

    def stop(self, timeout: float = 10) -> None:
        """Finish the mail that is being sent, for at most so many seconds, and end."""
        self._stopping.set()
        self._resources.mail.wake.set()
        self.join(timeout)
