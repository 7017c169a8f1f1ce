"""What the routes on groups take and answer."""

import marshmallow as ma

from customers.http import fields

_NAME = {"description": "Its name; unique, whatever its case", "example": "Wholesale"}


class NewGroup(fields.OpenBody):
    """A group to be made."""

    group_name = fields.Text(required=True, shortest=1, metadata=_NAME)


class GroupChanges(fields.OpenBody):
    """What to change."""

    group_name = fields.Text(shortest=1, metadata=_NAME)


class Group(ma.Schema):
    """A group of customers."""

    customer_group_id = ma.fields.Integer(required=True, metadata={"example": 2})
    uuid = ma.fields.UUID(required=True, metadata={"example": "7c0e2b3a-5d0f-4b8e-9d37-0b9a3b2f6c11"})
    group_name = ma.fields.String(required=True, metadata={"example": "Wholesale"})
    created_at = fields.Timestamp()
    updated_at = fields.Timestamp()


class CountedGroup(Group):
    """A group, and how many are in it."""

    customers = ma.fields.Integer(required=True, metadata={"description": "How many are in it", "example": 42})
