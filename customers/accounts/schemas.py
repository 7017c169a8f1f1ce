"""What comes in and goes out of the routes on customers: the documented fields, in the documented order."""

from typing import Any

import marshmallow as ma

from customers import auth, fields, paging
from customers.accounts import search

_STATUS = {"description": "Customer account status: 1 for active, 0 for inactive"}
_EMAIL = {"description": "Customer's email address (must be unique)"}
_PASSWORD = {"description": "Customer's account password; at most 72 bytes in UTF-8"}
_NAME = {"description": "Customer's full name"}
_GROUP = {"description": "The customer's group; ignored unless an admin sends it"}


class _WithGroup(ma.Schema):
    """A body in which an admin may set the group."""

    @ma.pre_load
    def ignore_from_others(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Keep the group only of an admin's body: of others it is ignored, whatever it is (CONTRACT section 3)."""
        if auth.caller().admin is not None:
            return data
        return {name: value for name, value in data.items() if name != "group_id"}


class NewCustomer(_WithGroup, fields.OpenBody):
    """A registration."""

    status = fields.Status(metadata=_STATUS)
    email = fields.Email(required=True, metadata=_EMAIL)
    password = fields.NewPassword(required=True, metadata=_PASSWORD)
    full_name = fields.Text(required=True, shortest=1, metadata=_NAME)
    group_id = fields.Number(low=1, high=fields.LARGEST_ID, metadata=_GROUP)


class CustomerChanges(_WithGroup, fields.Changes):
    """What to change; everything else stays."""

    email = fields.Email(metadata=_EMAIL)
    password = fields.NewPassword(
        metadata={"description": "Customer's account password (only include if changing password)"}
    )
    full_name = fields.Text(shortest=1, metadata=_NAME)
    status = fields.Status(metadata=_STATUS)
    group_id = fields.Number(low=1, high=fields.LARGEST_ID, metadata=_GROUP)


class CustomerFilters(fields.Query):
    """Which customers; filters are combined by AND."""

    keyword = fields.Text(shortest=1, metadata={"description": "Part of the e-mail address or the name, in any case"})
    email = fields.Text(shortest=1, metadata={"description": "The whole e-mail address, in any case"})
    full_name = fields.Text(shortest=1, metadata={"description": "Part of the name, in any case"})
    status = fields.Status(metadata={"description": "1 for active, 0 for inactive"})
    group_id = fields.Number(low=1, high=fields.LARGEST_ID, metadata={"description": "The group"})
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

    customer_id = ma.fields.Integer(required=True)
    uuid = ma.fields.UUID(required=True)
    status = ma.fields.Integer(required=True, metadata={"enum": [0, 1], **_STATUS})
    group_id = ma.fields.Integer(required=True, allow_none=True)
    email = ma.fields.String(required=True)
    full_name = ma.fields.String(required=True, allow_none=True)
    created_at = fields.Timestamp(required=True)
    updated_at = fields.Timestamp(required=True)


class Link(ma.Schema):
    """Something that can be done with the customer."""

    rel = ma.fields.String(required=True)
    href = ma.fields.String(required=True)
    action = ma.fields.String(required=True)
    types = ma.fields.List(ma.fields.String(), required=True)


class LinkedCustomer(Customer):
    """A customer, with where the shop's staff manages it."""

    links = ma.fields.List(ma.fields.Nested(Link), required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Return a column, or the links, which are no column."""
        return _links(str(obj.uuid)) if attr == "links" else super().get_attribute(obj, attr, default)


def _links(uuid: str) -> list[dict[str, Any]]:
    """Return the two documented links."""
    return [
        {"rel": rel, "href": href, "action": "GET", "types": ["text/xml"]}
        for rel, href in (("customerGrid", "/admin/customers"), ("edit", f"/admin/customers/edit/{uuid}"))
    ]


class Address(ma.Schema):
    """A customer's address: the documented eleven fields."""

    customer_address_id = ma.fields.Integer(required=True)
    uuid = ma.fields.UUID(required=True)
    full_name = ma.fields.String(required=True, allow_none=True)
    telephone = ma.fields.String(required=True, allow_none=True)
    address_1 = ma.fields.String(required=True, allow_none=True)
    address_2 = ma.fields.String(required=True, allow_none=True)
    city = ma.fields.String(required=True, allow_none=True)
    province = ma.fields.String(required=True, allow_none=True)
    country = ma.fields.String(required=True)
    postcode = ma.fields.String(required=True, allow_none=True)
    is_default = ma.fields.Boolean(required=True)


class CustomerWithAddresses(Customer):
    """A customer with the addresses: the default first, then the oldest first."""

    addresses = ma.fields.List(ma.fields.Nested(Address), required=True)


class CustomerAnswer(ma.Schema):
    """A customer as it was."""

    data = ma.fields.Nested(Customer, required=True)


class LinkedCustomerAnswer(ma.Schema):
    """A customer as it is now."""

    data = ma.fields.Nested(LinkedCustomer, required=True)


class CustomerWithAddressesAnswer(ma.Schema):
    """A customer in full."""

    data = ma.fields.Nested(CustomerWithAddresses, required=True)


class CustomerPage(ma.Schema):
    """A page of customers."""

    data = ma.fields.List(ma.fields.Nested(Customer), required=True)
    links = ma.fields.Nested(paging.PageLinks, required=True)
    meta = ma.fields.Nested(paging.PageMeta, required=True)
