"""A customer's group: set by admins only, and what becomes of it when a group goes (CONTRACT section 9)."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask

from customers.db import migrate
from customers.context import Context
from tests.support.client import CheckingClient
from tests.conftest import EVERSHOP, PASSWORD, Account, Made, application, log_in, new_client
from tests.support.database import Db
from tests.support.rows import add_group
from tests.test_races import at_once, wait_until, waiting_for_a_lock

NEW = {"email": "new@example.com", "password": PASSWORD, "full_name": "New"}
WRONG: list[object] = [None, True, False, 1.5, 1.0, "x", "", "1.5", 0, -1, "0", 2**31, 2**63, 10**40, [], {}, [1]]


@pytest.fixture
def group(db: Db, app: Flask) -> int:
    return add_group(db, "Wholesale")


def group_of(db: Db, email: str) -> int | None:
    found: int | None = db.one("SELECT group_id FROM customer WHERE email = %s", email)["group_id"]
    return found


def test_an_admin_sets_the_group_when_creating(admin: Account, db: Db, group: int) -> None:
    response = admin.client.post("/api/customers", json={**NEW, "group_id": group})

    assert (response.status_code, response.get_json()["data"]["group_id"]) == (201, group)
    assert group_of(db, NEW["email"]) == group


def test_without_one_it_is_the_first(admin: Account) -> None:
    assert admin.client.post("/api/customers", json=NEW).get_json()["data"]["group_id"] == 1


def test_an_admin_changes_the_group_alone_or_with_other_things(
    admin: Account, customer: Account, db: Db, group: int
) -> None:
    alone = admin.client.patch(customer.path, json={"group_id": group})
    back = admin.client.patch(customer.path, json={"group_id": 1, "full_name": "Bob"})

    assert (alone.status_code, alone.get_json()["data"]["group_id"]) == (200, group)
    assert [back.get_json()["data"][name] for name in ("group_id", "full_name")] == [1, "Bob"]
    assert group_of(db, customer.email) == 1
    assert customer.client.get(customer.path).status_code == 200  # the sessions stay


def test_what_names_no_group_leaves_it(admin: Account, customer: Account, db: Db, group: int) -> None:
    admin.client.patch(customer.path, json={"group_id": group})

    admin.client.patch(customer.path, json={"full_name": "Bob"})

    assert group_of(db, customer.email) == group


def test_an_unknown_group_is_a_400_that_names_it_and_nothing_is_done(
    admin: Account, customer: Account, db: Db, group: int
) -> None:
    for unknown in (group + 1, 2**31 - 1):
        for response in (
            admin.client.post("/api/customers", json={**NEW, "group_id": unknown}),
            admin.client.patch(customer.path, json={"group_id": unknown, "full_name": "Bob"}),
        ):
            assert response.status_code == 400
            assert response.get_json()["error"]["code"] == "invalid_input"
            assert list(response.get_json()["error"]["errors"]) == ["group_id"]
    assert db.all("SELECT email, full_name, group_id FROM customer") == [
        {"email": customer.email, "full_name": "Ann Customer", "group_id": 1}
    ]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_what_is_no_group_is_a_400_for_an_admin(admin: Account, customer: Account, db: Db, wrong: object) -> None:
    for response in (
        admin.client.post("/api/customers", json={**NEW, "group_id": wrong}),
        admin.client.patch(customer.path, json={"group_id": wrong}),
    ):
        assert response.status_code == 400
        assert list(response.get_json()["error"]["errors"]) == ["group_id"]
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


@pytest.mark.parametrize("sent", ["real", 2**31 - 1, *WRONG], ids=repr)
def test_of_anybody_else_it_is_ignored_whatever_it_is(
    app: Flask, customer: Account, db: Db, group: int, sent: object
) -> None:
    sent = group if sent == "real" else sent

    anonymous = new_client(app).post("/api/customers", json={**NEW, "group_id": sent})
    another = customer.client.post("/api/customers", json={**NEW, "email": "b@example.com", "group_id": sent})
    changed = customer.client.patch(customer.path, json={"full_name": "Bob", "group_id": sent})
    alone = customer.client.patch(customer.path, json={"group_id": sent})

    assert [response.status_code for response in (anonymous, another, changed, alone)] == [201, 201, 200, 400]
    assert [r.get_json()["data"]["group_id"] for r in (anonymous, another, changed)] == [1, 1, 1]
    assert alone.get_json()["error"]["code"] == "nothing_to_update"
    assert {row["group_id"] for row in db.all("SELECT group_id FROM customer")} == {1}


def test_a_browser_with_both_sessions_acts_on_me_as_the_customer(
    app: Flask, admin: Account, customer: Account, db: Db, group: int
) -> None:
    browser = new_client(app)
    log_in(browser, customer.email)
    log_in(browser, admin.email, path="/admin/user/login")

    as_customer = browser.patch("/api/customers/me", json={"group_id": group})
    as_admin = browser.patch(customer.path, json={"group_id": group})

    assert (as_customer.status_code, as_admin.status_code) == (400, 200)
    assert group_of(db, customer.email) == group


def put_in(admin: Account, customer: Account, group: int) -> int:
    return admin.client.patch(customer.path, json={"group_id": group}).status_code


def test_who_is_being_put_into_a_group_when_it_is_deleted_moves_along(
    admin: Account, customer: Account, ctx: Context, db: Db, group: int
) -> None:
    """A change that has not committed when the deletion comes: the deletion waits for it."""
    path = (
        f"/api/customer-groups/{db.one('SELECT uuid FROM customer_group WHERE customer_group_id = %s', group)['uuid']}"
    )
    statuses: list[int] = []

    with ctx.db.writing() as conn:
        conn.exec_driver_sql(f"UPDATE customer SET group_id = {group}")
        thread = threading.Thread(target=lambda: statuses.append(admin.client.delete(path).status_code))
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
    thread.join()

    assert statuses == [200]
    assert group_of(db, customer.email) == 1


def test_a_group_that_is_being_deleted_takes_nobody_in(
    admin: Account, customer: Account, ctx: Context, db: Db, group: int
) -> None:
    """A deletion that has not committed when the change comes: the change waits, and finds the group gone."""
    statuses: list[int] = []

    with ctx.db.writing() as conn:
        conn.exec_driver_sql(f"DELETE FROM customer_group WHERE customer_group_id = {group}")
        thread = threading.Thread(target=lambda: statuses.append(put_in(admin, customer, group)))
        thread.start()
        wait_until(lambda: waiting_for_a_lock(db))
    thread.join()

    assert statuses == [400]
    assert group_of(db, customer.email) == 1


def test_changes_and_the_deletion_of_the_group_at_once_lose_nobody(
    admin: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    accounts = [make_customer() for _ in range(15)]
    for number in range(5):
        group = add_group(db, f"Group {number}")
        uuid = db.one("SELECT uuid FROM customer_group WHERE customer_group_id = %s", group)["uuid"]

        def act(turn: int, group: int = group, uuid: Any = uuid) -> int:
            if turn == 7:
                return admin.client.delete(f"/api/customer-groups/{uuid}").status_code
            return put_in(admin, accounts[turn - (turn > 7)], group)

        statuses = at_once(16, act)

        assert statuses[7] == 200
        assert set(statuses) <= {200, 400}
        assert {row["group_id"] for row in db.all("SELECT group_id FROM customer")} == {1}


@pytest.fixture
def shop(make: Callable[..., Made]) -> Iterator[tuple[CheckingClient, Db]]:
    """Return an admin of an existing shop."""
    ctx, db = make(EVERSHOP)
    migrate.apply(ctx.db, repair_defaults=True)
    app = application(ctx.settings)
    client = new_client(app, use_cookies=False)
    client.environ_base["HTTP_X_SESSION_ID"] = log_in(
        client, "boss@example.com", "evershop-password", "/admin/user/login"
    )
    yield client, db
    app.extensions["customers"].database.close()


def test_an_existing_shops_groups_work_as_they_are(shop: tuple[CheckingClient, Db]) -> None:
    client, db = shop
    groups = client.get("/api/customer-groups").get_json()["data"]

    taken = client.post("/api/customer-groups", json={"group_name": "WHOLESALE"})
    default = client.delete(f"/api/customer-groups/{groups[0]['uuid']}")
    deleted = client.delete(f"/api/customer-groups/{groups[1]['uuid']}")

    assert [(group["group_name"], group["customers"]) for group in groups] == [("Default", 0), ("Wholesale", 1)]
    assert [response.status_code for response in (taken, default, deleted)] == [409, 409, 200]
    assert [row["group_id"] for row in db.all("SELECT group_id FROM customer ORDER BY customer_id")] == [1, None]


def test_who_is_in_no_group_can_be_put_into_one(shop: tuple[CheckingClient, Db]) -> None:
    client, db = shop
    uuid = db.one("SELECT uuid FROM customer WHERE customer_id = 2")["uuid"]

    response = client.patch(f"/api/customers/{uuid}", json={"group_id": 2})

    assert (response.status_code, response.get_json()["data"]["group_id"]) == (200, 2)
    assert [item["customer_id"] for item in client.get("/api/customers?group_id=2").get_json()["data"]] == [1, 2]


def test_two_groups_that_differ_only_by_case_stop_the_schema_by_name(make: Callable[..., Made]) -> None:
    ctx, db = make(EVERSHOP)
    db.execute("INSERT INTO customer_group (group_name) VALUES ('wholeSALE'), ('Alone')")

    with pytest.raises(schema.SchemaConflict) as caught:
        migrate.apply(ctx.db, repair_defaults=True)

    assert "customer_group" in str(caught.value)
    assert "Wholesale" in str(caught.value)
    assert "wholeSALE" in str(caught.value)
    assert "Alone" not in str(caught.value)
    with pytest.raises(psycopg.errors.UndefinedTable):
        db.all("SELECT FROM customers_schema")
