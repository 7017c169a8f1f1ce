"""What is recorded, and how: a row in the transaction of the act, and a line in the log once that has committed.

A closed list of events. What an event's details may hold: names of fields, numbers, uuids. Never a password, a hash, a
sid, a token or a digest, and no e-mail address either (ASVS 5.0, 16.2.5): rows cannot be changed, and outlive accounts.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection

from customers import database
from customers.audit import sql
from customers.identity import Actor

log = logging.getLogger("customers.security")

Event = Literal[
    # signing in and out; subject is the account, unknown if none has the address
    "login_succeeded",
    "login_failed",
    "login_throttled",
    "current_password_failed",
    "logged_out",
    "sessions_ended",
    # customers
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
    # groups
    "group_created",
    "group_renamed",
    "group_deleted",
    # the operator's
    "admin_created",
    "admin_password_reset",
    "customers_imported",
    "customers_exported",
    "audit_purged",
]
Details = Mapping[str, Any]

_WARNINGS = frozenset({"login_failed", "login_throttled", "current_password_failed"})


@dataclass(frozen=True)
class Subject:
    """On whom, or on what, something is done."""

    kind: Literal["customer", "admin", "group"]
    uuid: UUID


def record(conn: Connection, actor: Actor, subject: Subject | None, events: Mapping[Event, Details]) -> None:
    """Record an act in its transaction, as one or several events with their details; log it when it has committed."""
    origin = actor.origin
    common = {
        "actor_kind": actor.kind,
        "actor_uuid": actor.uuid,
        "subject_kind": subject and subject.kind,
        "subject_uuid": subject and subject.uuid,
        "ip": origin.ip,
        "user_agent": origin.user_agent,
        "request_id": origin.request_id,
    }
    sql.insert(conn, [{**common, "event": event, "details": json.dumps(events[event])} for event in events])
    database.after_commit(conn, lambda: _tell(actor, subject, events))


def _tell(actor: Actor, subject: Subject | None, events: Mapping[Event, Details]) -> None:
    for event, details in events.items():
        fields = {
            "event": event,
            "actor": {"kind": actor.kind, "uuid": actor.uuid and str(actor.uuid)},
            "subject": subject and {"kind": subject.kind, "uuid": str(subject.uuid)},
            "client": actor.origin.ip,
            "details": dict(details),
        }
        log.log(logging.WARNING if event in _WARNINGS else logging.INFO, event, extra={"fields": fields})
