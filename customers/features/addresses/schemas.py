"""What comes in and goes out of the routes on addresses."""

import marshmallow as ma

from customers.http import fields


class AddressChanges(fields.OpenBody):
    """What to change of an address. service.update() refuses blank required fields, of the address as it would be."""

    full_name = fields.Text(metadata={"minLength": 1, "example": "John A. Smith"})
    telephone = fields.Text(allow_none=True, metadata={"example": "555-123-4567"})
    address_1 = fields.Text(metadata={"minLength": 1, "example": "123 Main Street"})
    address_2 = fields.Text(allow_none=True, metadata={"example": "Apt 4B"})
    city = fields.Text(allow_none=True, metadata={"example": "Springfield"})
    province = fields.Text(metadata={"minLength": 1, "example": "IL"})
    country = fields.Country(shortest=0)
    postcode = fields.Text(metadata={"minLength": 1, "example": "62701"})
    is_default = fields.Flag(
        metadata={"description": "Whether it is the customer's default; setting it clears the previous default"}
    )


class NewAddress(AddressChanges):
    """An address to add."""

    full_name = fields.Text(required=True, shortest=1, metadata={"example": "John A. Smith"})
    address_1 = fields.Text(required=True, shortest=1, metadata={"example": "123 Main Street"})
    province = fields.Text(required=True, shortest=1, metadata={"example": "IL"})
    country = fields.Country(required=True)
    postcode = fields.Text(required=True, shortest=1, metadata={"example": "62701"})


class Address(ma.Schema):
    """A customer's address: the documented eleven fields."""

    customer_address_id = ma.fields.Integer(required=True, metadata={"example": 15})
    uuid = ma.fields.UUID(required=True, metadata={"example": "f2c30099-a66c-11ed-b46b-60d819134f39"})
    full_name = ma.fields.String(required=True, allow_none=True, metadata={"example": "John A. Smith"})
    telephone = ma.fields.String(required=True, allow_none=True, metadata={"example": "555-123-4567"})
    address_1 = ma.fields.String(required=True, allow_none=True, metadata={"example": "123 Main Street"})
    address_2 = ma.fields.String(required=True, allow_none=True, metadata={"example": "Apt 4B"})
    city = ma.fields.String(required=True, allow_none=True, metadata={"example": "Springfield"})
    province = ma.fields.String(required=True, allow_none=True, metadata={"example": "IL"})
    country = ma.fields.String(required=True, metadata={"example": "US"})
    postcode = ma.fields.String(required=True, allow_none=True, metadata={"example": "62701"})
    is_default = ma.fields.Boolean(required=True, metadata={"example": True})


class StoredAddress(Address):
    """An address: the documented eleven fields, whose it is, and its times."""

    customer_id = ma.fields.Integer(required=True, metadata={"example": 21})
    created_at = fields.Timestamp()
    updated_at = fields.Timestamp()


class Link(ma.Schema):
    """Something that can be done with what is answered."""

    rel = ma.fields.String(required=True, metadata={"example": "edit"})
    href = ma.fields.String(required=True)
    action = ma.fields.String(required=True, metadata={"example": "GET"})
    types = ma.fields.List(ma.fields.String(), required=True, metadata={"example": ["text/xml"]})


class LinkedAddress(StoredAddress):
    """An address, with how to change and delete it."""

    links = ma.fields.List(ma.fields.Nested(Link), required=True)
