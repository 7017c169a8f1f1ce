"""Groups of customers (CONTRACT section 9). What a name may be is in test_schemas.py."""

from collections import Counter
from typing import Any

import pytest

from tests.conftest import Account
from tests.support.answers import data_of, refused
from tests.support.builders import GROUPS, MISSING, group_of
from tests.support.database import Db
from tests.support.rows import add
from tests.support.threads import at_once

FIELDS = ["customer_group_id", "uuid", "group_name", "created_at", "updated_at"]


def answered(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group of group_of() without its path."""
    return {name: group[name] for name in FIELDS}


def default(admin: Account) -> str:
    return f"{GROUPS}/{data_of(admin.client.get(GROUPS))[0]['uuid']}"


def test_create_answers_the_fields_in_order_and_where_it_is(admin: Account) -> None:
    response = admin.client.post(GROUPS, json={"group_name": "  Wholesale "})

    group = data_of(response, 201)
    assert (list(group), group["group_name"]) == (FIELDS, "Wholesale")
    assert response.headers["Location"] == f"{GROUPS}/{group['uuid']}"
    assert data_of(admin.client.get(response.headers["Location"])) == {**group, "customers": 0}


def test_get_and_list_say_how_many_are_in_it(admin: Account, db: Db) -> None:
    group, _ = group_of(admin), group_of(admin, "Empty")
    for number in (1, 1, 1, group["customer_group_id"], group["customer_group_id"], None):
        add(db, group_id=number)

    listed = data_of(admin.client.get(GROUPS))

    assert [list(each) for each in listed] == [[*FIELDS, "customers"]] * 3
    assert [(each["group_name"], each["customers"]) for each in listed] == [
        ("Default", 3), ("Wholesale", 2), ("Empty", 0)
    ]  # fmt: skip
    assert [data_of(admin.client.get(f"{GROUPS}/{each['uuid']}")) for each in listed] == listed


@pytest.mark.parametrize("name", [" Retail ", "WHOLEsale", "Wholesale"])  # also its own in another case, or as it is
def test_a_rename_changes_the_name_and_nothing_else(admin: Account, db: Db, name: str) -> None:
    group = group_of(admin)
    db.execute("UPDATE customer_group SET updated_at = created_at - interval '1 h'")

    renamed = data_of(admin.client.patch(group["path"], json={"group_name": name}))

    assert renamed["updated_at"] >= group["updated_at"]
    changed = {"group_name": name.strip(), "updated_at": renamed["updated_at"]}
    assert (list(renamed), renamed) == (FIELDS, {**answered(group), **changed})
    assert data_of(admin.client.get(group["path"])) == {**renamed, "customers": 0}


def test_delete_answers_the_group_as_it_was_and_moves_its_customers_to_the_first(admin: Account, db: Db) -> None:
    group, other = group_of(admin), group_of(admin, "Retail")
    old = {"updated_at": "2020-01-01Z"}
    moved = [add(db, group_id=group["customer_group_id"], **old) for _ in range(3)]
    others = [add(db, group_id=number, **old) for number in (1, other["customer_group_id"])]

    assert data_of(admin.client.delete(group["path"])) == answered(group)

    refused(admin.client.get(group["path"]), 404, "group_not_found")
    rows = db.all("SELECT customer_id, group_id, updated_at > '2021-01-01' AS new FROM customer ORDER BY customer_id")
    assert [tuple(row.values()) for row in rows] == [
        *((each, 1, True) for each in moved), (others[0], 1, False), (others[1], other["customer_group_id"], False)
    ]  # fmt: skip


def test_the_first_group_cannot_be_deleted(admin: Account, db: Db) -> None:
    add(db)

    refused(admin.client.delete(default(admin)), 409, "default_group")

    assert data_of(admin.client.get(default(admin)))["customers"] == 1


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_group_that_is_not_there_is_a_404(admin: Account, method: str) -> None:
    refused(admin.client.open(f"{GROUPS}/{MISSING}", method=method, json={"group_name": "x"}), 404, "group_not_found")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["ZÜRICH", " zürich\n", "zu\u0308rich", "Zu\u0308rich"])
def test_names_are_unique_whatever_their_case_and_unicode_form(admin: Account, name: str) -> None:
    group_of(admin, "Zürich")
    other = group_of(admin, "Retail")

    refused(admin.client.post(GROUPS, json={"group_name": name}), 409, "group_name_taken")
    refused(admin.client.patch(other["path"], json={"group_name": name}), 409, "group_name_taken")

    assert data_of(admin.client.get(other["path"]))["group_name"] == "Retail"


def test_names_are_never_compared_as_patterns_and_are_free_again_after_the_group_is_gone(admin: Account) -> None:
    group = group_of(admin)

    for pattern in ("Wholesal%", "Wholesal_", "%", "Whole.*", "\\"):
        group_of(admin, pattern)
    data_of(admin.client.delete(group["path"]))
    group_of(admin, "WHOLESALE")


# ---------------------------------------------------------------- at once


def test_of_16_creations_of_one_name_one_wins(admin: Account) -> None:
    names = ["Wholesale", "WHOLESALE", "wholesale", "wHOLESALE"]

    statuses = at_once(16, lambda n: admin.client.post(GROUPS, json={"group_name": names[n % 4]}).status_code)

    assert Counter(statuses) == {201: 1, 409: 15}
    assert len(data_of(admin.client.get(GROUPS))) == 2
