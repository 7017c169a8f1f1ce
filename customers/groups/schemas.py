"""What the routes on groups take and answer."""

import marshmallow as ma

from customers import fields

_NAME = {"description": "Its name; unique, whatever its case"}


class NewGroup(fields.OpenBody):
    """A group to be made."""

    group_name = fields.Text(required=True, shortest=1, metadata=_NAME)


class GroupChanges(fields.Changes):
    """What to change."""

    group_name = fields.Text(shortest=1, metadata=_NAME)


class Group(ma.Schema):
    """A group of customers. A row of an existing shop may lack what is nullable here."""

    customer_group_id = ma.fields.Integer(required=True)
    uuid = ma.fields.UUID(required=True)
    group_name = ma.fields.String(required=True)
    created_at = fields.Timestamp(required=True)
    updated_at = fields.Timestamp(required=True)


class CountedGroup(Group):
    """A group, and how many are in it."""

    customers = ma.fields.Integer(required=True, metadata={"description": "How many customers are in it"})


class GroupAnswer(ma.Schema):
    """A group as it is now, or was."""

    data = ma.fields.Nested(Group, required=True)


class CountedGroupAnswer(ma.Schema):
    """A group, and how many are in it."""

    data = ma.fields.Nested(CountedGroup, required=True)


class GroupsAnswer(ma.Schema):
    """All groups."""

    data = ma.fields.List(ma.fields.Nested(CountedGroup), required=True)
