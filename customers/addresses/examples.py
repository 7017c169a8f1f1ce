"""Examples for the OpenAPI document."""

from typing import Any

NEW = {
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
CHANGES = {"telephone": "555-765-4321"}

_STORED: dict[str, Any] = {
    "customer_address_id": 15,
    "uuid": "f2c30099-a66c-11ed-b46b-60d819134f39",
    **NEW,
    "customer_id": 21,
    "created_at": "2023-02-07 14:18:05",
    "updated_at": "2023-02-07 14:18:06",
}
_HREF = f"/api/customers/e1b20098-a66c-11ed-b46b-60d819134f39/addresses/{_STORED['uuid']}"
_LINKS = [
    {"rel": "edit", "href": _HREF, "action": "PATCH", "types": ["application/json"]},
    {"rel": "delete", "href": _HREF, "action": "DELETE", "types": ["application/json"]},
]

LIST = {"data": [_STORED]}
ONE = {"data": _STORED}
LINKED = {"data": {**_STORED, "links": _LINKS}}
