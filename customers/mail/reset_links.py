"""The secret of a reset mail: made when the mail is sent, and stored nowhere but as a digest."""

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, Row, text

from customers.db.engine import Database
from customers.mail import outbox

_A_MINUTE, _A_DAY = 1, 5  # reset mails for one account


def digest(secret: str) -> str:
    """Return what the database knows a secret by: the hex SHA-256, as in an EverShop."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make(db: Database, mail: Row[Any]) -> tuple[str, str] | None:
    """Return the e-mail to send to and a new secret of 256 bits; None, and the mail dropped, if there is none to send.

    That is so without an active or pending account of the e-mail, and when the account had a mail within a minute or
    five in a day.
    """
    with db.writing() as tx:
        account = find_account(tx.conn, mail.recipient)
        recent = account and outbox.count_recent(tx.conn, account.customer_id, mail.outbox_mail_id)
        if account is None or recent is None or recent.in_a_minute >= _A_MINUTE or recent.in_a_day >= _A_DAY:
            outbox.drop(tx.conn, mail.outbox_mail_id)
            return None
        outbox.assign(tx.conn, mail.outbox_mail_id, account.customer_id)
        secret = secrets.token_urlsafe(32)
        insert(tx.conn, account.customer_id, digest(secret))
        return account.email, secret


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


INSERT = text("""
    INSERT INTO reset_password_token (customer_id, token)
    VALUES (:customer_id, :token)
""")


def insert(conn: Connection, customer_id: int, token: str) -> None:
    """Store a token, which is the digest of a secret."""
    conn.execute(INSERT, {"customer_id": customer_id, "token": token})
