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
    with db.autocommit() as conn:
        row = outbox.claim(conn, lease)
    if row is None:
        return False
    if row.overdue:
        _note(db, row, "given_up", "not sent within a day")
        return True
    try:
        message = _compose(db, settings, mail, row)
        if message is not None:
            assert mail.transport is not None, "nothing is put into the outbox without"
            mail.transport.send(message)
            _note(db, row, "sent")
    except Refused as refusal:
        _note(db, row, "given_up", str(refusal))
    except (NotSent, OSError) as cause:
        _note(db, row, "retried", str(cause))
    except (TemplateError, ValueError) as fault:  # in a shop's own template, or in what it is filled with
        _note(db, row, "retried", f"{type(fault).__name__}: {fault}")
    return True


def _note(db: Database, row: Row[Any], outcome: str, error: str | None = None) -> None:
    """Note what has become of a mail: sent, retried or given_up."""
    with db.autocommit() as conn:
        outbox.note(conn, row.outbox_mail_id, error, final=outcome == "given_up")
    metrics.mails.labels(outcome).inc()
    fields = {"mail": row.outbox_mail_id, "kind": row.kind, "error": error}
    log.log(logging.WARNING if error else logging.INFO, "mail %s", outcome, extra={"fields": fields})


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
