"""The secret of a reset mail: made when the mail is sent, and stored nowhere but as a digest."""

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, Row, text

from customers.db.engine import Database
from customers.mail import outbox


def digest(secret: str) -> str:
    """Return what the database knows a secret by: the hex SHA-256, as in an EverShop."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make(db: Database, mail: Row[Any]) -> tuple[str, str] | None:
    """Return the e-mail to send to and a new secret of 256 bits.

    None, and the mail dropped, if no active or pending account has the e-mail, or if it had enough mails lately.
    """
    with db.writing() as tx:
        account = find_account(tx.conn, mail.recipient)
        secret = secrets.token_urlsafe(32)
        if account and outbox.start_reset(tx.conn, mail.outbox_mail_id, account.customer_id, digest(secret)):
            return account.email, secret
        outbox.drop(tx.conn, mail.outbox_mail_id)
        return None


# Locked, so that of two mails for one account the second sees the first.
FIND_ACCOUNT = text("""
    SELECT customer_id, email
      FROM customer
     WHERE customers_fold(email) = customers_fold(:email)
       AND (status = 1 OR customer_id IN (SELECT customer_id FROM pending_customer))
       FOR NO KEY UPDATE
""")


def find_account(conn: Connection, email: str) -> Row[Any] | None:
    """Return the account that a reset mail for this e-mail is for, locked, or None."""
    return conn.execute(FIND_ACCOUNT, {"email": email}).one_or_none()
