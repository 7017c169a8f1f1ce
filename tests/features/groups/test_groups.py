"""Groups of customers, and who is in which. What a name may be is in test_schemas.py."""

from typing import Any

from tests.conftest import Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import CUSTOMERS, GROUPS, NEW, group_of, registered
from tests.support.database import Db
from tests.support.rows import add

FIELDS = ["customer_group_id", "uuid", "group_name", "created_at", "updated_at"]
Group = dict[str, Any]


def test_create_get_and_list_answer_the_fields_in_order_and_how_many_are_in_it(admin: Account, db: Db) -> None:
    response = admin.client.post(GROUPS, json={"group_name": "  Wholesale "})
    group = data_of(response, 201)
    group_of(admin, "Empty")
    for number in (1, 1, 1, group["customer_group_id"], group["customer_group_id"], None):
        add(db, group_id=number)

    listed = data_of(admin.client.get(GROUPS))

    assert list(group) == FIELDS
    assert data_of(admin.client.get(response.headers["Location"])) == {**group, "customers": 2}
    assert [list(each) for each in listed] == [[*FIELDS, "customers"]] * 3
    assert {each["group_name"]: each["customers"] for each in listed} == {"Default": 3, "Wholesale": 2, "Empty": 0}
    assert [data_of(admin.client.get(f"{GROUPS}/{each['uuid']}")) for each in listed] == listed


def test_a_rename_changes_the_name_and_nothing_else(admin: Account, db: Db, group: Group) -> None:
    for name in (" Retail ", "RETAIL", "RETAIL"):  # also its own in another case, or as it is
        db.execute("UPDATE customer_group SET updated_at = created_at - interval '1 h'")

        renamed = data_of(admin.client.patch(group["path"], json={"group_name": name}))

        assert renamed["updated_at"] >= group["updated_at"]
        changed = {"group_name": name.strip(), "updated_at": renamed["updated_at"]}
        assert {**renamed, "path": group["path"]} == {**group, **changed}
        assert data_of(admin.client.get(group["path"])) == {**renamed, "customers": 0}


def test_delete_answers_the_group_and_moves_its_customers_to_the_first(admin: Account, db: Db, group: Group) -> None:
    default, *_ = data_of(admin.client.get(GROUPS))
    retail = group_of(admin, "Retail")["customer_group_id"]
    before = [group["customer_group_id"], group["customer_group_id"], 1, retail]
    for number in before:
        add(db, group_id=number, updated_at="2020-01-01Z")

    assert {**data_of(admin.client.delete(group["path"])), "path": group["path"]} == group

    refused(admin.client.delete(f"{GROUPS}/{default['uuid']}"), 409, "default_group")
    for method in ("GET", "PATCH", "DELETE"):
        missing = admin.client.open(group["path"], method=method, json={"group_name": "x"})
        refused(missing, 404, "group_not_found")
    rows = db.all("SELECT group_id, updated_at > '2021-01-01' AS new FROM customer ORDER BY customer_id")
    assert [tuple(row.values()) for row in rows] == [(1, True), (1, True), (1, False), (retail, False)]


def test_names_are_unique_whatever_their_case_and_unicode_form(admin: Account, group: Group) -> None:
    taken = group_of(admin, "Zürich")

    for name in ("ZÜRICH", " zürich\n", "zu\u0308rich", "Zu\u0308rich"):
        refused(admin.client.post(GROUPS, json={"group_name": name}), 409, "group_name_taken")
        refused(admin.client.patch(group["path"], json={"group_name": name}), 409, "group_name_taken")
    for pattern in ("Züric%", "Züric_", "\\"):
        group_of(admin, pattern)
    data_of(admin.client.delete(taken["path"]))
    group_of(admin, "ZÜRICH")


WRONG: list[object] = [None, True, 1.0, "x", "", "1.5", 0, -1, "0", 2**31, 10**40, [], [1]]


def test_an_admin_sets_a_group_that_exists(admin: Account, customer: Account, db: Db, group: Group) -> None:
    client, number = admin.client, group["customer_group_id"]
    for wrong in (number + 1, 2**31 - 1, *WRONG):
        invalid(client.post(CUSTOMERS, json={**NEW, "group_id": wrong}), "group_id")
        invalid(client.patch(customer.path, json={"full_name": "Bob", "group_id": wrong}), "group_id")
    assert db.all("SELECT full_name, group_id FROM customer") == [{"full_name": "Ann Customer", "group_id": 1}]

    assert registered(client, group_id=str(number))["group_id"] == number
    assert registered(client, email="b@example.com")["group_id"] == 1
    assert data_of(client.patch(customer.path, json={"group_id": number}))["group_id"] == number
    db.execute("UPDATE customer SET group_id = NULL")  # as an existing shop may have it
    back = data_of(client.patch(customer.path, json={"group_id": 1, "full_name": "Ann"}))
    assert (back["group_id"], back["full_name"]) == (1, "Ann")
