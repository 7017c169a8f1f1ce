"""What comes in and goes out of the route on the audit trail."""

from typing import get_args

import marshmallow as ma

from customers.http import fields
from customers.security.callers import ActorKind
from customers.security.trail import Event


class Actor(ma.Schema):
    """Whose act it was."""

    kind = ma.fields.String(
        required=True, metadata={"enum": list(get_args(ActorKind)), "description": "`operator` runs commands"}
    )
    uuid = ma.fields.UUID(required=True, allow_none=True)


class Entry(ma.Schema):
    """One event."""

    audit_log_id = ma.fields.Integer(required=True, metadata={"example": 4711})
    created_at = fields.Timestamp()
    event = ma.fields.String(required=True, metadata={"enum": list(get_args(Event))})
    actor = ma.fields.Nested(Actor, required=True)
    ip = ma.fields.String(required=True, allow_none=True, metadata={"example": "203.0.113.9"})
    user_agent = ma.fields.String(required=True, allow_none=True, metadata={"example": "Mozilla/5.0"})
    request_id = ma.fields.String(required=True, allow_none=True, metadata={"description": "As in the log"})
    details = ma.fields.Dict(required=True, metadata={"description": "Names of fields, numbers, uuids; no secret"})
