"""Examples for the OpenAPI document: the documented samples, as this service answers them."""

from typing import Any

_UUID = "e1b20098-a66c-11ed-b46b-60d819134f39"

NEW = {"email": "john.smith@example.com", "password": "correct horse battery", "full_name": "John Smith"}
CHANGES = {"full_name": "John A. Smith"}

_JOHN: dict[str, Any] = {
    "customer_id": 21,
    "uuid": _UUID,
    "status": 1,
    "group_id": 1,
    "email": "john.smith@example.com",
    "full_name": "John A. Smith",
    "created_at": "2023-02-07 14:18:05",
    "updated_at": "2023-02-07 14:18:06",
}
_LINKS = [
    {"rel": "customerGrid", "href": "/admin/customers", "action": "GET", "types": ["text/xml"]},
    {"rel": "edit", "href": f"/admin/customers/edit/{_UUID}", "action": "GET", "types": ["text/xml"]},
]
_ADDRESS = {
    "customer_address_id": 15,
    "uuid": "f2c30099-a66c-11ed-b46b-60d819134f39",
    "full_name": "John A. Smith",
    "telephone": "555-123-4567",
    "address_1": "123 Main Street",
    "address_2": "Apt 4B",
    "city": "Springfield",
    "province": "IL",
    "country": "US",
    "postcode": "62701",
    "is_default": True,
}

LINKED = {"data": {**_JOHN, "links": _LINKS}}
DELETED = {"data": _JOHN}
WITH_ADDRESSES = {"data": {**_JOHN, "addresses": [_ADDRESS]}}
PAGE = {
    "data": [_JOHN],
    "links": {"first": "/api/customers?page=1", "last": "/api/customers?page=1", "prev": None, "next": None},
    "meta": {
        "current_page": 1,
        "from": 1,
        "last_page": 1,
        "path": "/api/customers",
        "per_page": 20,
        "to": 1,
        "total": 1,
    },
}
