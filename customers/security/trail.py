"""The audit trail: a row in the transaction of a security event, and a log line once that has committed.

Changes of postal addresses are log lines alone. The events are a closed list. Their details hold names of fields,
numbers and uuids: nothing secret, and no e-mail (ASVS 5.0, 16.2.5): rows cannot be changed, and outlive accounts.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import text

from customers.db.engine import Transaction
from customers.security.callers import Actor
from customers.telemetry import logs

log = logging.getLogger("customers.security")

Event = Literal[
    # Signing in and out; the subject is the account, unknown if none has the e-mail.
    "login_succeeded",
    "login_failed",
    "login_throttled",
    "current_password_failed",
    "logged_out",
    "sessions_ended",
    "customer_registered",
    "customer_created",
    "customer_updated",
    "customer_deleted",
    "customer_exported",
    "password_changed",
    "password_reset_requested",
    "password_reset",
    "email_changed",
    "status_changed",
    "group_changed",
    "address_created",
    "address_updated",
    "address_deleted",
    "group_created",
    "group_renamed",
    "group_deleted",
    "admin_created",
    "admin_password_reset",
    "customers_imported",
    "customers_exported",
    "audit_purged",
]
Details = Mapping[str, Any]

_WARNINGS = frozenset({"login_failed", "login_throttled", "current_password_failed"})


class Subject(NamedTuple):
    """On whom, or on what, something is done."""

    kind: Literal["customer", "admin", "group"]
    uuid: UUID


_COLUMNS = "event, actor_kind, actor_uuid, subject_kind, subject_uuid, ip, user_agent, request_id, details"

INSERT = text(f"""
    INSERT INTO audit_log ({_COLUMNS})
    VALUES (:event, :actor_kind, :actor_uuid, :subject_kind, :subject_uuid, CAST(:ip AS inet), :user_agent, :request_id,
            CAST(:details AS jsonb))
""")


def recording(event: str, actor: str, subject_kind: str, details: str, source: str) -> str:
    """Return an INSERT … SELECT for a CTE: an entry of the trail for each uuid in ``source``.

    The arguments are SQL; ``actor`` is a kind and a uuid. The caller writes the log lines.
    """
    return f"""INSERT INTO audit_log ({_COLUMNS})
           SELECT {event}, {actor}, '{subject_kind}', uuid, CAST(:ip AS inet), :user_agent, :request_id, {details}
             FROM {source}"""


def record(tx: Transaction, actor: Actor, subject: Subject | None, events: Mapping[Event, Details]) -> None:
    """Record an act in its transaction, as one or several events with their details; log it when it has committed."""
    common = {
        **actor.origin._asdict(),
        "actor_kind": actor.kind,
        "actor_uuid": actor.uuid,
        "subject_kind": subject and subject.kind,
        "subject_uuid": subject and subject.uuid,
    }
    for event, details in events.items():
        tx.conn.execute(INSERT, {**common, "event": event, "details": json.dumps(details)})
    tx.after_commit(lambda: write_lines(actor, subject, events))


def write_lines(actor: Actor, subject: Subject | None, events: Mapping[Event, Details]) -> None:
    """Write the log lines of an act that has been committed."""
    for event, details in events.items():
        fields = {
            "event": event,
            "actor": {"kind": actor.kind, "uuid": actor.uuid and str(actor.uuid)},
            "subject": subject and {"kind": subject.kind, "uuid": str(subject.uuid)},
            "client": actor.origin.ip,
            "details": dict(details),
        }
        logs.emit(log, logging.WARNING if event in _WARNINGS else logging.INFO, event, fields)
