"""What comes in and goes out of the route on the audit trail."""

from typing import Any, get_args

import marshmallow as ma

from customers import fields, paging
from customers.audit.trail import Event

EVENTS = list(get_args(Event))
ACTORS = ["anonymous", "customer", "admin", "operator"]


class TrailQuery(paging.PageQuery):
    """Which page of the trail."""


class Actor(ma.Schema):
    """Whose act it was."""

    kind = ma.fields.String(
        required=True,
        attribute="actor_kind",
        metadata={"enum": ACTORS, "description": "`operator` is whoever runs a command"},
    )
    uuid = ma.fields.UUID(required=True, allow_none=True, attribute="actor_uuid")


class Entry(ma.Schema):
    """One event."""

    audit_log_id = ma.fields.Integer(required=True)
    created_at = fields.Timestamp(required=True)
    event = ma.fields.String(required=True, metadata={"enum": EVENTS})
    actor = ma.fields.Nested(Actor, required=True)
    ip = ma.fields.String(required=True, allow_none=True)
    user_agent = ma.fields.String(required=True, allow_none=True)
    request_id = ma.fields.String(required=True, allow_none=True, metadata={"description": "As in the log"})
    details = ma.fields.Dict(
        required=True, metadata={"description": "Names of fields, numbers, uuids; never a secret or an address"}
    )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Return a column; the actor is made of several."""
        return obj if attr == "actor" else super().get_attribute(obj, attr, default)


class TrailPage(ma.Schema):
    """A page of a customer's audit trail."""

    data = ma.fields.List(ma.fields.Nested(Entry), required=True)
    links = ma.fields.Nested(paging.PageLinks, required=True)
    meta = ma.fields.Nested(paging.PageMeta, required=True)
