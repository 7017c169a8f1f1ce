"""Statements that are the same for customers and for admins but for the table."""

from sqlalchemy import TextClause, text

from customers.security.callers import Kind

_NAMES: dict[Kind, dict[str, str]] = {
    "customer": {"table": "customer", "account_id": "customer_id", "enabled": "status = 1"},
    "admin": {"table": "admin_user", "account_id": "admin_user_id", "enabled": "status"},
}


def for_each_kind(statement: str) -> dict[Kind, TextClause]:
    """Return a statement by kind of account.

    ``{kind}``, ``{table}``, ``{account_id}`` and ``{enabled}`` stand for the kind's.
    """
    return {kind: text(statement.format(kind=kind, **names)) for kind, names in _NAMES.items()}
