"""A customer's group: set by admins only, and what becomes of it when a group goes (CONTRACT section 9)."""

from collections.abc import Callable

import pytest

from tests.conftest import Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import CUSTOMERS, ME, NEW, group_of, registered
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once, overtaken

WRONG: list[object] = [None, True, False, 1.5, 1.0, "x", "", "1.5", 0, -1, "0", 2**31, 2**63, 10**40, [], {}, [1]]


@pytest.fixture
def group(admin: Account) -> int:
    found: int = group_of(admin)["customer_group_id"]
    return found


def group_ids(db: Db) -> set[int | None]:
    return {row["group_id"] for row in db.all("SELECT group_id FROM customer")}


def test_an_admin_sets_the_group_when_creating_and_without_one_it_is_the_first(admin: Account, group: int) -> None:
    assert registered(admin.client, group_id=str(group))["group_id"] == group
    assert registered(admin.client, email="b@example.com")["group_id"] == 1


def test_an_admin_changes_the_group_alone_or_with_other_things_and_the_sessions_stay(
    admin: Account, customer: Account, db: Db, group: int
) -> None:
    assert data_of(admin.client.patch(customer.path, json={"group_id": group}))["group_id"] == group
    assert data_of(admin.client.patch(customer.path, json={"full_name": "Bob"}))["group_id"] == group
    db.execute("UPDATE customer SET group_id = NULL")  # as an existing shop may have it
    back = data_of(admin.client.patch(customer.path, json={"group_id": 1, "full_name": "Ann"}))
    assert (back["group_id"], back["full_name"]) == (1, "Ann")
    data_of(customer.client.get(customer.path))


def test_what_is_no_group_or_an_unknown_one_is_a_400_that_names_it_and_nothing_is_done(
    admin: Account, customer: Account, db: Db, group: int
) -> None:
    for wrong in (group + 1, 2**31 - 1, *WRONG):
        invalid(admin.client.post(CUSTOMERS, json={**NEW, "group_id": wrong}), "group_id")
        invalid(admin.client.patch(customer.path, json={"full_name": "Bob", "group_id": wrong}), "group_id")
    assert db.all("SELECT email, full_name, group_id FROM customer") == [
        {"email": customer.email, "full_name": "Ann Customer", "group_id": 1}
    ]


@pytest.mark.parametrize("sent", ["real", 2**31 - 1, *WRONG], ids=repr)
def test_of_anybody_else_it_is_ignored_whatever_it_is(
    client: CheckingClient, customer: Account, db: Db, group: int, sent: object
) -> None:
    sent = group if sent == "real" else sent

    assert registered(client, group_id=sent)["group_id"] == 1
    assert registered(customer.client, email="b@example.com", group_id=sent)["group_id"] == 1
    assert data_of(customer.client.patch(ME, json={"full_name": "Bob", "group_id": sent}))["group_id"] == 1
    refused(customer.client.patch(customer.path, json={"group_id": sent}), 400, "nothing_to_update")
    assert group_ids(db) == {1}


# ---------------------------------------------------------------- while the group goes


def test_who_is_being_put_into_a_group_when_it_is_deleted_moves_along(
    admin: Account, customer: Account, database: str, db: Db
) -> None:
    """A change that has not committed when the deletion comes: the deletion waits for it."""
    group = group_of(admin)
    change = f"UPDATE customer SET group_id = {group['customer_group_id']}"

    data_of(overtaken(database, db, change, lambda: admin.client.delete(group["path"])))

    assert group_ids(db) == {1}


def test_a_group_that_is_being_deleted_takes_nobody_in(
    admin: Account, customer: Account, database: str, db: Db, group: int
) -> None:
    """A deletion that has not committed when the change comes: the change waits, and finds the group gone."""
    deletion = f"DELETE FROM customer_group WHERE customer_group_id = {group}"

    late = overtaken(database, db, deletion, lambda: admin.client.patch(customer.path, json={"group_id": group}))

    invalid(late, "group_id")
    assert group_ids(db) == {1}


def test_changes_and_the_deletion_of_the_group_at_once_lose_nobody(
    admin: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    paths = [make_customer().path for _ in range(16)]
    for _ in range(3):
        group = group_of(admin)
        body = {"group_id": group["customer_group_id"]}

        def act(turn: int, path: str = group["path"], body: dict[str, int] = body) -> int:
            client = admin.client
            return (client.delete(path) if turn == 7 else client.patch(paths[turn], json=body)).status_code

        statuses = at_once(16, act)

        assert statuses[7] == 200
        assert set(statuses) <= {200, 400}
        assert group_ids(db) == {1}
