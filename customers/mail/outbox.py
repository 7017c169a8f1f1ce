"""The outbox: mail that waits, written in the transaction of what it tells of."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from customers.db.engine import Transaction
from customers.mail.message import Mail

RESET = "reset_password"

ENQUEUE = text("""
    INSERT INTO outbox_mail (kind, recipient)
    VALUES (:kind, :recipient)
    RETURNING outbox_mail_id
""")


def enqueue(conn: Connection, kind: str, recipient: str) -> int:
    """Put a mail into the outbox; return its number."""
    mail_id: int = conn.execute(ENQUEUE, {"kind": kind, "recipient": recipient}).scalar_one()
    return mail_id


# At most one notice of a kind in an hour: whoever registers with a stranger's e-mail must not flood that mailbox.
TELL = text("""
    INSERT INTO outbox_mail (kind, recipient, customer_id)
    SELECT CAST(:kind AS text), CAST(:recipient AS text), :customer_id
     WHERE NOT EXISTS (
           SELECT
             FROM outbox_mail
            WHERE customers_fold(recipient) = customers_fold(:recipient)
              AND kind = :kind
              AND created_at > now() - interval '1 hour')
""")


def tell(tx: Transaction, mail: Mail, kind: str, account: Row[Any]) -> None:
    """Have the owner told of a change, at the e-mail that the account had before it (ASVS 5.0, 6.3.7)."""
    if mail.available:
        values = {"kind": kind, "recipient": account.email, "customer_id": account.customer_id}
        tx.conn.execute(TELL, values)
        tx.after_commit(mail.wake.set)


# Committed before anything is sent: a sender that is killed loses its claim after the lease, and another sends.
# SKIP LOCKED: of several senders each gets another mail. Reset mails go before notices.
CLAIM = text("""
    UPDATE outbox_mail
       SET attempts = attempts + 1,
           next_attempt_at = now() + make_interval(secs => :lease)
     WHERE outbox_mail_id = (
           SELECT outbox_mail_id
             FROM outbox_mail
            WHERE sent_at IS NULL
              AND failed_at IS NULL
              AND next_attempt_at <= now()
            ORDER BY kind <> 'reset_password', next_attempt_at
            LIMIT 1
              FOR UPDATE SKIP LOCKED)
    RETURNING outbox_mail_id, kind, recipient, created_at,
              created_at < now() - interval '1 day' AS overdue
""")


def claim(conn: Connection, lease: float) -> Row[Any] | None:
    """Claim a mail that is due for so many seconds, or return None."""
    return conn.execute(CLAIM, {"lease": lease}).one_or_none()


def digest(secret: str) -> str:
    """Return what the database knows the secret of a reset mail by: the hex SHA-256, as in an EverShop."""
    return hashlib.sha256(secret.encode()).hexdigest()


# Locked, so that of two mails for one account the second sees the first.
FIND_ACCOUNT = text("""
    SELECT customer_id, email
      FROM customer
     WHERE customers_fold(email) = customers_fold(:email)
       AND (status = 1
            OR EXISTS (SELECT FROM pending_customer WHERE pending_customer.customer_id = customer.customer_id))
       FOR NO KEY UPDATE
""")

# One mail a minute and five a day for an account. Those count that went out, and the one that is on its way.
START_RESET = text("""
      WITH started AS (
           INSERT INTO reset_password_token (customer_id, token)
           SELECT CAST(:customer_id AS int), CAST(:token AS text)
            WHERE (SELECT count(*) < 5
                      AND count(*) FILTER (WHERE sent_at IS NULL OR sent_at > now() - interval '1 minute') < 1
                     FROM outbox_mail
                    WHERE customer_id = :customer_id
                      AND kind = 'reset_password'
                      AND failed_at IS NULL
                      AND (sent_at IS NULL OR sent_at > now() - interval '1 day')
                      AND outbox_mail_id <> :outbox_mail_id)
           RETURNING customer_id)
    UPDATE outbox_mail
       SET customer_id = started.customer_id
      FROM started
     WHERE outbox_mail_id = :outbox_mail_id
""")

DROP = text("""
    DELETE FROM outbox_mail
     WHERE outbox_mail_id = :outbox_mail_id
""")


def start_reset(conn: Connection, mail: Row[Any], token: str) -> str | None:
    """Store the token of a reset mail, which is the digest of a secret; return the e-mail to send to.

    None, and the mail dropped, if no active or pending account has the e-mail, or if it had enough mails lately.
    """
    own = {"outbox_mail_id": mail.outbox_mail_id}
    account = conn.execute(FIND_ACCOUNT, {"email": mail.recipient}).one_or_none()
    if account and conn.execute(START_RESET, {**own, "customer_id": account.customer_id, "token": token}).rowcount:
        email: str = account.email
        return email
    conn.execute(DROP, own)
    return None


NOTE = text("""
    UPDATE outbox_mail
       SET sent_at = CASE WHEN CAST(:error AS text) IS NULL THEN now() ELSE sent_at END,
           last_error = :error,
           failed_at = CASE WHEN :final THEN now() END,
           next_attempt_at = now() + make_interval(secs => least(600, 5 * 3 ^ least(attempts - 1, 5)))
     WHERE outbox_mail_id = :outbox_mail_id
""")


def note(conn: Connection, outbox_mail_id: int, error: str | None, *, final: bool) -> None:
    """Note that the server has taken a mail, or why it has not.

    Unless that is final, it is tried again after a pause of 5 seconds to 10 minutes.
    """
    conn.execute(NOTE, {"outbox_mail_id": outbox_mail_id, "error": error, "final": final})


UNSENT = text("""
    SELECT outbox_mail_id, kind, recipient, created_at, next_attempt_at, attempts, failed_at, last_error
      FROM outbox_mail
     WHERE sent_at IS NULL
     ORDER BY outbox_mail_id
     LIMIT 1000
""")


def list_unsent(conn: Connection) -> Sequence[Row[Any]]:
    """Return what waits and what has failed, oldest first, at most 1,000."""
    return conn.execute(UNSENT).all()


RETRY = text("""
    UPDATE outbox_mail
       SET failed_at = NULL,
           created_at = now(),
           next_attempt_at = now()
     WHERE sent_at IS NULL
       AND failed_at IS NOT NULL
""")


def retry_failed(conn: Connection) -> int:
    """Have all mails that were given up tried again, for another day; return how many."""
    return conn.execute(RETRY).rowcount
