"""What comes in and goes out of the routes on customers: the documented fields, in the documented order."""

from typing import Any

import marshmallow as ma

from customers import rules
from customers.features.accounts import search
from customers.features.addresses.schemas import Address, Link, StoredAddress
from customers.http import fields, paging

_STATUS = {"description": "Customer account status: 1 for active, 0 for inactive"}
_EMAIL = {"description": "Customer's email address (must be unique)"}
_PASSWORD = {"description": "Customer's account password; at most 72 bytes in UTF-8"}
_NAME = {"description": "Customer's full name", "example": "John Smith"}
_GROUP = {
    "type": "integer",
    "minimum": 1,
    "maximum": rules.LARGEST_ID,
    "example": 1,
    "description": "The customer's group; ignored unless an admin sends it",
}


class _Group(ma.fields.Raw):
    """Any value, null too: of others than admins the group is ignored, whatever it is. The act checks an admin's."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """Return the value as it is."""
        return None if value is None else super().deserialize(value, attr, data, **kwargs)


class NewCustomer(fields.OpenBody):
    """A registration."""

    status = fields.Status(metadata=_STATUS)
    email = fields.Email(required=True, metadata=_EMAIL)
    password = fields.NewPassword(required=True, metadata=_PASSWORD)
    full_name = fields.Text(required=True, shortest=1, metadata=_NAME)
    group_id = _Group(metadata=_GROUP)


class CustomerChanges(fields.OpenBody):
    """What to change; everything else stays."""

    email = fields.Email(metadata=_EMAIL)
    password = fields.NewPassword(
        metadata={"description": "Customer's account password (only include if changing password)"}
    )
    full_name = fields.Text(shortest=1, metadata=_NAME)
    status = fields.Status(metadata=_STATUS)
    group_id = _Group(metadata=_GROUP)


class CustomerFilters(ma.Schema):
    """Which customers; filters are combined by AND."""

    keyword = fields.Text(shortest=1, metadata={"description": "Part of the e-mail or the name, in any case"})
    email = fields.SearchedEmail(metadata={"description": "The whole e-mail, in any case"})
    full_name = fields.Text(shortest=1, metadata={"description": "Part of the name, in any case"})
    status = fields.Status(metadata={"description": "1 for active, 0 for inactive"})
    group_id = fields.Number(low=1, high=rules.LARGEST_ID, metadata={"description": "The group"})
    created_from = fields.Moment(metadata={"description": "Created at this time or later"})
    created_to = fields.Moment(metadata={"description": "Created before this time"})


class ListQuery(CustomerFilters, paging.PageQuery):
    """Which page of which customers, in which order."""

    sort = ma.fields.String(
        validate=ma.validate.OneOf([f"{minus}{key}" for key in search.KEYS for minus in ("", "-")]),
        load_default="customer_id",
        metadata={"description": "Order; a leading `-` for descending; ties by ascending `customer_id`"},
    )


class Customer(ma.Schema):
    """A customer, as in lists. A row of an existing shop may lack what is nullable here."""

    customer_id = ma.fields.Integer(required=True, metadata={"example": 21})
    uuid = ma.fields.UUID(required=True, metadata={"example": "e1b20098-a66c-11ed-b46b-60d819134f39"})
    status = ma.fields.Integer(required=True, metadata={"enum": [0, 1], "example": 1, **_STATUS})
    group_id = ma.fields.Integer(required=True, allow_none=True, metadata={"example": 1})
    email = ma.fields.String(required=True, metadata={"example": "john.smith@example.com"})
    full_name = ma.fields.String(required=True, allow_none=True, metadata={"example": "John A. Smith"})
    created_at = fields.Timestamp()
    updated_at = fields.Timestamp()


class LinkedCustomer(Customer):
    """A customer, with where the shop's staff manages it."""

    links = ma.fields.List(ma.fields.Nested(Link), required=True)


class CustomerWithAddresses(Customer):
    """A customer with the addresses: the default first, then the oldest first."""

    addresses = ma.fields.List(ma.fields.Nested(Address), required=True)


class StoredSession(ma.Schema):
    """A browser or program that is or was signed in."""

    uuid = ma.fields.UUID(required=True, metadata={"description": "Its public name; not the sid"})
    created_at = fields.Timestamp()
    last_seen_at = fields.Timestamp()
    expires_at = fields.Timestamp()
    ip = ma.fields.String(required=True, allow_none=True, metadata={"example": "203.0.113.9"})
    user_agent = ma.fields.String(required=True, allow_none=True, metadata={"example": "Mozilla/5.0"})


class ExportedNetwork(ma.Schema):
    """A network that the customer has signed in from."""

    network = ma.fields.String(required=True, metadata={"example": "203.0.113.9/32"})
    last_login_at = fields.Timestamp()


class ExportedReset(ma.Schema):
    """A reset link that was mailed, and not used."""

    created_at = fields.Timestamp()


class ExportedMail(ma.Schema):
    """A mail to the customer, or one that waits."""

    kind = ma.fields.String(required=True)
    recipient = ma.fields.String(required=True)
    created_at = fields.Timestamp()
    sent_at = fields.Timestamp()
    failed_at = fields.Timestamp()


class ExportedEntry(ma.Schema):
    """An entry of the audit trail. Of what an admin did it does not say from where."""

    created_at = fields.Timestamp()
    event = ma.fields.String(required=True)
    actor = ma.fields.String(required=True, metadata={"description": "The kind of caller who did it"})
    ip = ma.fields.String(required=True, allow_none=True)
    user_agent = ma.fields.String(required=True, allow_none=True)
    request_id = ma.fields.String(required=True, allow_none=True)
    details = ma.fields.Dict(required=True)


class Person(Customer):
    """Everything stored about a person, but secrets."""

    group_name = ma.fields.String(required=True, allow_none=True)
    meta_data = ma.fields.Raw(required=True, metadata={"description": "What the shop's other software has noted"})
    pending = ma.fields.Boolean(required=True, metadata={"description": "Whether it waits for confirmation by mail"})
    addresses = ma.fields.List(ma.fields.Nested(StoredAddress), required=True)
    sessions = ma.fields.List(ma.fields.Nested(StoredSession), required=True)
    networks = ma.fields.List(ma.fields.Nested(ExportedNetwork), required=True)
    password_resets = ma.fields.List(ma.fields.Nested(ExportedReset), required=True)
    mails = ma.fields.List(ma.fields.Nested(ExportedMail), required=True)
    audit = ma.fields.List(ma.fields.Nested(ExportedEntry), required=True)
