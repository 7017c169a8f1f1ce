"""Statements that are the same for customers and for admins but for the table."""

from sqlalchemy import TextClause, text

from customers.security.callers import KINDS, Kind

_NAMES: dict[Kind, dict[str, str]] = {
    "customer": {"table": "customer", "account_id": "customer_id", "enabled": "status = 1"},
    "admin": {"table": "admin_user", "account_id": "admin_user_id", "enabled": "status"},
}


def written_for(kind: Kind, statement: str, **names: str) -> str:
    """Return a statement for a kind of account.

    ``{kind}``, ``{table}``, ``{account_id}`` and ``{enabled}`` stand for the kind's, and so do more names if given.
    """
    return statement.format(kind=kind, **_NAMES[kind], **names)


def for_each_kind(statement: str) -> dict[Kind, TextClause]:
    """Return a statement by kind of account, with names as in written_for()."""
    return {kind: text(written_for(kind, statement)) for kind in KINDS}
