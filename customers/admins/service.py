"""The acts on admins, who are made from the command line (CONTRACT section 1)."""

from typing import Any

from sqlalchemy import Row

from customers.admins import sql
from customers.audit import trail
from customers.audit.trail import Subject
from customers.errors import EmailTaken
from customers.identity import OPERATOR
from customers.resources import Resources
from customers.sessions import sql as sessions


def create(resources: Resources, *, email: str, password: str, full_name: str) -> Row[Any]:
    """Create an admin and return the row. Raises EmailTaken."""
    hashed = resources.passwords.hash(password)
    with resources.database.writing() as conn:
        admin = sql.insert(conn, email=email, password=hashed, full_name=full_name)
        if admin is not None:
            trail.record(conn, OPERATOR, Subject("admin", admin.uuid), {"admin_created": {}})
    if admin is None:
        raise EmailTaken(f"an admin with the address {email} exists; --reset-password gives a new password")
    return admin


def reset_password(resources: Resources, *, email: str, password: str, full_name: str | None) -> Row[Any] | None:
    """Give an admin a new password, and a name if there is one; enable the account and end all its sessions.

    Return the row, or None if there is no such admin.
    """
    hashed = resources.passwords.hash(password)
    with resources.database.writing() as conn:
        admin = sql.reset_password(conn, email=email, password=hashed, full_name=full_name)
        if admin is not None:
            ended = sessions.end_all(conn, "admin", admin.admin_user_id)
            details = {"sessions_ended": ended}
            trail.record(conn, OPERATOR, Subject("admin", admin.uuid), {"admin_password_reset": details})
    return admin
