"""Groups of customers (CONTRACT section 9)."""

import re
from collections import Counter
from typing import Any

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import Account, new_client
from tests.support.database import Db
from tests.support.rows import add
from tests.test_races import at_once

GROUPS = "/api/customer-groups"
FIELDS = ["customer_group_id", "uuid", "group_name", "created_at", "updated_at"]
NOBODYS = f"{GROUPS}/00000000-0000-0000-0000-000000000001"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


def created(admin: Account, name: str = "Wholesale") -> dict[str, Any]:
    """Create a group and return what is answered."""
    response = admin.client.post(GROUPS, json={"group_name": name})
    assert response.status_code == 201, response.text
    group: dict[str, Any] = response.get_json()["data"]
    return group


def path(group: dict[str, Any]) -> str:
    return f"{GROUPS}/{group['uuid']}"


def default(db: Db) -> str:
    return f"{GROUPS}/{db.one('SELECT uuid FROM customer_group WHERE customer_group_id = 1')['uuid']}"


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


def test_create_answers_201_with_the_fields_in_order_and_where_it_is(admin: Account, db: Db) -> None:
    response = admin.client.post(GROUPS, json={"group_name": "  Wholesale "})

    group = response.get_json()["data"]
    assert response.status_code == 201
    assert list(group) == FIELDS
    assert group["group_name"] == "Wholesale"
    assert re.fullmatch(TIME, group["created_at"])
    assert group["updated_at"] == group["created_at"]
    assert response.headers["Location"] == path(group)
    assert admin.client.get(path(group)).get_json()["data"] == {**group, "customers": 0}
    assert db.one("SELECT group_name FROM customer_group WHERE uuid = %s", group["uuid"])["group_name"] == "Wholesale"


def test_get_and_list_say_how_many_are_in_it(admin: Account, db: Db) -> None:
    group, empty = created(admin), created(admin, "Empty")
    for number in (1, 1, 1, group["customer_group_id"], group["customer_group_id"], None):
        add(db, group_id=number)

    listed = admin.client.get(GROUPS).get_json()["data"]

    assert [list(each) for each in listed] == [[*FIELDS, "customers"]] * 3
    assert [(each["group_name"], each["customers"]) for each in listed] == [
        ("Default", 3),
        ("Wholesale", 2),
        ("Empty", 0),
    ]
    assert [admin.client.get(path(each)).get_json()["data"] for each in listed] == listed
    assert listed[2]["uuid"] == empty["uuid"]


def test_a_rename_changes_the_name_and_nothing_else(admin: Account, db: Db) -> None:
    group = created(admin)
    db.execute("UPDATE customer_group SET updated_at = created_at - interval '1 h' WHERE uuid = %s", group["uuid"])

    response = admin.client.patch(path(group), json={"group_name": " Retail "})

    assert response.status_code == 200
    assert list(response.get_json()["data"]) == FIELDS
    assert response.get_json()["data"] == {**group, "group_name": "Retail"}
    assert admin.client.get(path(group)).get_json()["data"]["group_name"] == "Retail"


def test_what_a_body_cannot_set_is_ignored(admin: Account) -> None:
    theirs = {
        "customer_group_id": 1,
        "uuid": NOBODYS[-36:],
        "created_at": "x",
        "updated_at": None,
        "customers": 9,
        "z": [],
    }

    group = admin.client.post(GROUPS, json={**theirs, "group_name": "Wholesale"}).get_json()["data"]
    renamed = admin.client.patch(path(group), json={**theirs, "group_name": "Retail"}).get_json()["data"]

    assert group["customer_group_id"] > 1
    assert group["uuid"] != theirs["uuid"]
    assert {**renamed, "group_name": "Wholesale", "updated_at": group["updated_at"]} == group


def test_the_first_group_cannot_be_deleted(admin: Account, db: Db) -> None:
    add(db)

    assert refused(admin.client.delete(default(db))) == (409, "default_group")
    assert admin.client.get(default(db)).get_json()["data"]["customers"] == 1


def test_delete_answers_the_group_as_it_was_and_moves_its_customers_to_the_first(admin: Account, db: Db) -> None:
    group, other = created(admin), created(admin, "Retail")
    moved = [add(db, group_id=group["customer_group_id"], updated_at="2020-01-01Z") for _ in range(3)]
    add(db, group_id=other["customer_group_id"], updated_at="2020-01-01Z")
    add(db, group_id=1, updated_at="2020-01-01Z")

    response = admin.client.delete(path(group))

    assert response.status_code == 200
    assert list(response.get_json()["data"]) == FIELDS
    assert response.get_json()["data"] == group
    assert refused(admin.client.get(path(group))) == (404, "group_not_found")
    rows = db.all("SELECT customer_id, group_id, updated_at > now() - interval '1 h' AS new FROM customer ORDER BY 1")
    assert [(row["customer_id"], row["group_id"]) for row in rows if row["new"]] == [(each, 1) for each in moved]
    assert Counter(row["group_id"] for row in rows) == {1: 4, other["customer_group_id"]: 1}


def test_of_16_deletions_one_finds_the_group(admin: Account) -> None:
    group = created(admin)

    statuses = at_once(16, lambda _: admin.client.delete(path(group)).status_code)

    assert Counter(statuses) == {200: 1, 404: 15}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_group_that_is_not_there_is_a_404(admin: Account, method: str) -> None:
    response = admin.client.open(NOBODYS, method=method, json={"group_name": "x"} if method == "PATCH" else None)

    assert refused(response) == (404, "group_not_found")
    for junk in ("me", "1", "nonsense", "%00"):
        assert refused(admin.client.get(f"{GROUPS}/{junk}")) == (404, "not_found")


def test_a_uuid_is_taken_in_any_form(admin: Account) -> None:
    group = created(admin)

    for form in (group["uuid"].replace("-", ""), group["uuid"].upper()):
        assert admin.client.get(f"{GROUPS}/{form}").get_json()["data"]["uuid"] == group["uuid"]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_groups_are_for_admins_only_and_nobody_else_learns_which_there_are(
    app: Flask, admin: Account, customer: Account, method: str
) -> None:
    group = created(admin)
    callers: list[tuple[CheckingClient, int]] = [(new_client(app), 401), (customer.client, 403)]

    for client, status in callers:
        for target in [GROUPS] if method == "POST" else [GROUPS, path(group), NOBODYS]:
            if target == GROUPS and method in ("PATCH", "DELETE"):
                continue
            assert client.open(target, method=method, json={"group_name": "New"}).status_code == status
    assert [each["group_name"] for each in admin.client.get(GROUPS).get_json()["data"]] == ["Default", "Wholesale"]


def test_the_same_creation_again_with_its_key_gets_the_first_answer(admin: Account, db: Db) -> None:
    key = {"Idempotency-Key": "a-key"}
    first = admin.client.post(GROUPS, json={"group_name": "Wholesale"}, headers=key)

    again = admin.client.post(GROUPS, json={"group_name": "Wholesale"}, headers=key)
    other = admin.client.post(GROUPS, json={"group_name": "Retail"}, headers=key)

    assert (again.status_code, again.data, again.headers["Location"]) == (201, first.data, first.headers["Location"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert refused(other) == (400, "idempotency_key_reused")
    assert db.one("SELECT count(*) FROM customer_group")["count"] == 2


def test_a_refused_creation_is_not_remembered(admin: Account) -> None:
    group, key = created(admin), {"Idempotency-Key": "a-key"}
    refusal = admin.client.post(GROUPS, json={"group_name": "wholesale"}, headers=key)
    admin.client.delete(path(group))

    assert refusal.status_code == 409
    assert admin.client.post(GROUPS, json={"group_name": "wholesale"}, headers=key).status_code == 201


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
def test_a_group_without_times_is_answered_with_null(admin: Account, db: Db, column: str) -> None:
    group = created(admin)
    db.execute(f"UPDATE customer_group SET {column} = NULL")

    assert admin.client.get(path(group)).get_json()["data"][column] is None
    assert admin.client.get(GROUPS).get_json()["data"][0][column] is None
