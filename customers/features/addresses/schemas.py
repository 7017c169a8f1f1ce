"""What comes in and goes out of the routes on addresses."""

import marshmallow as ma

from customers.features.accounts.schemas import Address as DocumentedAddress, Link
from customers.http import fields

_DEFAULT = {"description": "Whether it is the customer's default; setting it clears the previous default"}


def _example(value: str) -> dict[str, str]:
    return {"example": value}


class NewAddress(fields.OpenBody):
    """An address to add."""

    full_name = fields.Text(required=True, shortest=1, metadata=_example("John A. Smith"))
    telephone = fields.Text(allow_none=True, metadata=_example("555-123-4567"))
    address_1 = fields.Text(required=True, shortest=1, metadata=_example("123 Main Street"))
    address_2 = fields.Text(allow_none=True, metadata=_example("Apt 4B"))
    city = fields.Text(allow_none=True, metadata=_example("Springfield"))
    province = fields.Text(required=True, shortest=1, metadata=_example("IL"))
    country = fields.Country(required=True)
    postcode = fields.Text(required=True, shortest=1, metadata=_example("62701"))
    is_default = fields.Flag(metadata=_DEFAULT)


class AddressChanges(fields.OpenBody):
    """What to change of an address. The act refuses what is needed and blank, sent or stored."""

    full_name = fields.Text(metadata={"minLength": 1, **_example("John A. Smith")})
    telephone = fields.Text(allow_none=True, metadata=_example("555-765-4321"))
    address_1 = fields.Text(metadata={"minLength": 1, **_example("123 Main Street")})
    address_2 = fields.Text(allow_none=True, metadata=_example("Apt 4B"))
    city = fields.Text(allow_none=True, metadata=_example("Springfield"))
    province = fields.Text(metadata={"minLength": 1, **_example("IL")})
    country = fields.Country(shortest=0)
    postcode = fields.Text(metadata={"minLength": 1, **_example("62701")})
    is_default = fields.Flag(metadata=_DEFAULT)


class StoredAddress(DocumentedAddress):
    """An address: the documented eleven fields, whose it is, and its times."""

    customer_id = ma.fields.Integer(required=True, metadata={"example": 21})
    created_at = fields.Timestamp()
    updated_at = fields.Timestamp()


class LinkedAddress(StoredAddress):
    """An address, with how to change and delete it."""

    links = ma.fields.List(ma.fields.Nested(Link), required=True)
