"""The statements on admins."""

from typing import Any

from sqlalchemy import Connection, Row, text

INSERT = text("""
    INSERT INTO admin_user (email, password, full_name)
    VALUES (:email, :password, :full_name)
        ON CONFLICT DO NOTHING
    RETURNING admin_user_id, uuid, email
""")


def insert(conn: Connection, *, email: str, password: str, full_name: str) -> Row[Any] | None:
    """Insert an admin and return the row, or None when the address is taken. ``password`` is a hash."""
    return conn.execute(INSERT, {"email": email, "password": password, "full_name": full_name}).one_or_none()


# An admin who cannot get in any more is the reason for a reset, so it enables the account, too.
RESET_PASSWORD = text("""
    UPDATE admin_user
       SET password = :password,
           full_name = coalesce(:full_name, full_name),
           status = true,
           updated_at = now()
     WHERE lower(email) = lower(:email)
    RETURNING admin_user_id, uuid, email
""")


def reset_password(conn: Connection, *, email: str, password: str, full_name: str | None) -> Row[Any] | None:
    """Give an admin a new password (a hash), enable the account, and return the row, or None."""
    values = {"email": email, "password": password, "full_name": full_name}
    return conn.execute(RESET_PASSWORD, values).one_or_none()
