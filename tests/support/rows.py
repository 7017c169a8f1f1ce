"""Customers put into the table by hand: quickly, and as a registration would not make them."""

import itertools
from typing import Any

from tests.support.client import CheckingClient
from tests.support.database import Db

LIST = "/api/customers"
_numbers = itertools.count(1)


def add(db: Db, **columns: object) -> int:
    """Insert a customer of whom only these columns matter, and return the id."""
    values: dict[str, object] = {"email": f"row{next(_numbers)}@example.com", "password": "x", **columns}
    row = db.one(
        f"INSERT INTO customer ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING customer_id",
        *values.values(),
    )
    found: int = row["customer_id"]
    return found


def add_group(db: Db, name: str) -> int:
    row = db.one("INSERT INTO customer_group (group_name) VALUES (%s) RETURNING customer_group_id AS id", name)
    return int(row["id"])


def ids(client: CheckingClient, **query: object) -> list[int]:
    """Return the ids that the list answers, of whom there must be as many as it says."""
    response = client.get(LIST, query_string=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    found = [item["customer_id"] for item in answer["data"]]
    assert answer["meta"]["total"] == len(found)
    return found
