"""What comes in and goes out of the routes on addresses."""

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from customers import fields, rules
from customers.accounts.schemas import Address as DocumentedAddress, Link


class Country(fields.Text):
    """A country by its two letters (ISO 3166-1 alpha-2), in upper case from then on."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": "^[A-Za-z]{2}$", **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        code = super()._deserialize(value, attr, data, **kwargs)
        # Blank is for whoever asks whether it may be. Letters before upper case: that of "ß" is two.
        if code and not re.fullmatch("[A-Za-z]{2}", code):
            raise ma.ValidationError("Must be two letters.")
        return code.upper()


class Flag(ma.fields.Field[bool]):
    """true or false, or 1 or 0; nothing else."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": ["boolean", "integer"], "enum": [True, False, 0, 1], **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if type(value) not in (bool, int) or value not in (0, 1):
            raise ma.ValidationError("Must be true, false, 0 or 1.")
        return bool(value)


# Blank or null is refused when all that is blank is known, so that one answer names it all.
_NOT_NULL = {"refuses_null": True, "minLength": 1}
_NEEDED = {**_NOT_NULL, "pattern": rules.NOT_BLANK_PATTERN}
_DEFAULT = {"description": "Whether it is the customer's default; making it so ends another's being it"}


class NewAddress(fields.OpenBody):
    """An address to add."""

    full_name = fields.Text(required=True, shortest=1)
    telephone = fields.Text(allow_none=True)
    address_1 = fields.Text(required=True, shortest=1)
    address_2 = fields.Text(allow_none=True)
    city = fields.Text(allow_none=True)
    province = fields.Text(required=True, shortest=1)
    country = Country(required=True, shortest=1)
    postcode = fields.Text(required=True, shortest=1)
    is_default = Flag(metadata=_DEFAULT)


class AddressChanges(fields.Changes):
    """What to change of an address; with what stays it must be a whole one."""

    full_name = fields.Text(allow_none=True, metadata=_NEEDED)
    telephone = fields.Text(allow_none=True)
    address_1 = fields.Text(allow_none=True, metadata=_NEEDED)
    address_2 = fields.Text(allow_none=True)
    city = fields.Text(allow_none=True)
    province = fields.Text(allow_none=True, metadata=_NEEDED)
    country = Country(allow_none=True, metadata=_NOT_NULL)
    postcode = fields.Text(allow_none=True, metadata=_NEEDED)
    is_default = Flag(metadata=_DEFAULT)


class StoredAddress(DocumentedAddress):
    """An address: the documented eleven fields, and whose and since when."""

    customer_id = ma.fields.Integer(required=True)
    created_at = fields.Timestamp(required=True)
    updated_at = fields.Timestamp(required=True)


class LinkedAddress(StoredAddress):
    """An address, with how to change and delete it."""

    links = ma.fields.List(ma.fields.Nested(Link), required=True)


class AddressesAnswer(ma.Schema):
    """A customer's addresses."""

    data = ma.fields.List(ma.fields.Nested(StoredAddress), required=True)


class AddressAnswer(ma.Schema):
    """An address as it was."""

    data = ma.fields.Nested(StoredAddress, required=True)


class LinkedAddressAnswer(ma.Schema):
    """An address as it is now."""

    data = ma.fields.Nested(LinkedAddress, required=True)
