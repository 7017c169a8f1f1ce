"""The form in which people get what is stored about them."""

from datetime import datetime
from typing import Any

import marshmallow as ma

from customers import fields
from customers.accounts.schemas import Address, Customer
from customers.audit.schemas import ACTORS


class _Time(fields.Timestamp):
    """A time that the database has made part of a JSON document, in ISO 8601."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return super()._serialize(value and datetime.fromisoformat(value), attr, obj, **kwargs)


class ExportedAddress(Address):
    """An address."""

    created_at = _Time(required=True)
    updated_at = _Time(required=True)


class ExportedSession(ma.Schema):
    """A browser or program that is or was signed in."""

    uuid = ma.fields.UUID(required=True)
    created_at = _Time(required=True)
    last_seen_at = _Time(required=True)
    expires_at = _Time(required=True)
    ip = ma.fields.String(required=True, allow_none=True)
    user_agent = ma.fields.String(required=True, allow_none=True)


class ExportedNetwork(ma.Schema):
    """A network that the customer has signed in from."""

    network = ma.fields.String(required=True)
    last_login_at = _Time(required=True)


class ExportedReset(ma.Schema):
    """A link to a new password that was mailed, and not used."""

    created_at = _Time(required=True)


class ExportedMail(ma.Schema):
    """A mail to the customer, or one that waits."""

    kind = ma.fields.String(required=True)
    recipient = ma.fields.String(required=True)
    created_at = _Time(required=True)
    sent_at = _Time(required=True)
    failed_at = _Time(required=True)


class ExportedAnswer(ma.Schema):
    """An answer that is remembered for 24 hours, for requests that are sent again."""

    status = ma.fields.Integer(required=True)
    body = ma.fields.Dict(required=True)
    created_at = _Time(required=True)


class ExportedEntry(ma.Schema):
    """Something that was done to the account."""

    created_at = _Time(required=True)
    event = ma.fields.String(required=True)
    actor = ma.fields.String(required=True, metadata={"enum": ACTORS, "description": "Who did it"})
    ip = ma.fields.String(required=True, allow_none=True, metadata={"description": "Not of admins"})
    user_agent = ma.fields.String(required=True, allow_none=True, metadata={"description": "Not of admins"})
    request_id = ma.fields.String(required=True, allow_none=True)
    details = ma.fields.Dict(required=True)


class Person(Customer):
    """Everything stored about a person, but for secrets."""

    group_name = ma.fields.String(required=True, allow_none=True)
    meta_data = ma.fields.Raw(required=True, metadata={"description": "What the shop's other software has noted"})
    addresses = ma.fields.List(ma.fields.Nested(ExportedAddress), required=True)
    sessions = ma.fields.List(ma.fields.Nested(ExportedSession), required=True)
    networks = ma.fields.List(ma.fields.Nested(ExportedNetwork), required=True)
    password_resets = ma.fields.List(ma.fields.Nested(ExportedReset), required=True)
    mails = ma.fields.List(ma.fields.Nested(ExportedMail), required=True)
    remembered_answers = ma.fields.List(ma.fields.Nested(ExportedAnswer), required=True)
    audit = ma.fields.List(ma.fields.Nested(ExportedEntry), required=True)


class PersonAnswer(ma.Schema):
    """Everything stored about a person."""

    data = ma.fields.Nested(Person, required=True)
