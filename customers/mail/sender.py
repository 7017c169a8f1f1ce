"""Sending what waits in the outbox: each mail once, as soon as the server takes it, for a day at most."""

import logging
import secrets
import threading
from email.message import EmailMessage
from typing import Any

from jinja2 import TemplateError
from psycopg import Error as DriverError
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from customers.config import Settings
from customers.db.engine import Database
from customers.mail import outbox
from customers.mail.message import Mail
from customers.mail.smtp import STEPS, NotSent, Refused
from customers.telemetry import logs, metrics

log = logging.getLogger(__name__)

_POLL, _WITHOUT_DATABASE = 1.0, 10.0  # seconds


def deliver_next(db: Database, settings: Settings, mail: Mail) -> bool:
    """Send one mail that is due; return whether there was one, sent or not."""
    # Longer than a server that answers slowly at every step can take, so that nobody else sends it meanwhile.
    lease = settings.smtp_timeout * (STEPS + 2)
    with db.reading() as conn:
        row = outbox.claim(conn, lease)
    if row is None:
        return False
    if row.overdue:
        _failed(db, row, "not sent within a day", final=True)
        return True
    try:
        message = _compose(db, settings, mail, row)
        if message is not None:
            assert mail.transport is not None, "nothing is put into the outbox without"
            mail.transport.send(message)
            with db.reading() as conn:
                outbox.mark_sent(conn, row.outbox_mail_id)
            metrics.mails.labels("sent").inc()
            log.info("mail sent", extra={"fields": {"mail": row.outbox_mail_id, "kind": row.kind}})
    except Refused as refusal:
        _failed(db, row, str(refusal), final=True)
    except (NotSent, OSError) as cause:
        _failed(db, row, str(cause), final=False)
    except (TemplateError, ValueError) as fault:  # in a shop's own template, or in what it is filled with
        _failed(db, row, f"{type(fault).__name__}: {fault}", final=False)
    return True


def _failed(db: Database, row: Row[Any], error: str, *, final: bool) -> None:
    with db.reading() as conn:
        outbox.mark_failed(conn, row.outbox_mail_id, error, final=final)
    metrics.mails.labels("given_up" if final else "retried").inc()
    log.warning(
        "mail %s", "given up" if final else "not sent", extra={"fields": {"mail": row.outbox_mail_id, "error": error}}
    )


def _compose(db: Database, settings: Settings, mail: Mail, row: Row[Any]) -> EmailMessage | None:
    mail_id = f"{row.outbox_mail_id}-{int(row.created_at.timestamp())}"
    if row.kind != outbox.RESET:
        return mail.compose(row.kind, row.recipient, mail_id)
    secret = secrets.token_urlsafe(32)  # 256 bits, stored nowhere but as a digest
    with db.writing() as tx:
        email = outbox.start_reset(tx.conn, row, outbox.digest(secret))
    if email is None:
        return None
    link = settings.reset_url.replace("{token}", secret)
    return mail.compose(row.kind, email, mail_id, link=link, minutes=settings.reset_lifetime // 60)


class Sender(threading.Thread):
    """Sends mail in the background of a process that serves."""

    def __init__(self, db: Database, settings: Settings, mail: Mail) -> None:
        super().__init__(name="mail", daemon=True)
        self._parts = db, settings, mail
        self._wake = mail.wake
        self._stopping = threading.Event()

    def run(self) -> None:
        """Send until stopped: at once what this process has written, within a second what others have."""
        while not self._stopping.is_set():
            self._wake.wait(_POLL)
            self._wake.clear()
            try:
                while not self._stopping.is_set() and deliver_next(*self._parts):
                    pass
            except (SQLAlchemyError, DriverError) as error:
                log.warning("the outbox cannot be read: %s", logs.cause(error))
                self._stopping.wait(_WITHOUT_DATABASE)
            except Exception:
                log.exception("a mail could not be handled")  # the others must not wait for it

    def stop(self, timeout: float = 10) -> None:
        """Finish the mail that is being sent, for at most so many seconds, and end."""
        self._stopping.set()
        self._wake.set()
        self.join(timeout)
