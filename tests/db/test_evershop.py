"""An existing shop's rows at work, as they are (CONTRACT section 5)."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from customers.http import context
from tests.conftest import EVERSHOP, Made, application, log_in, new_client
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.shops import migrated

OLD_PASSWORD = "evershop-password"


@pytest.fixture
def shop(make: Callable[..., Made]) -> Iterator[tuple[Flask, Db]]:
    ctx, db = migrated(make, EVERSHOP)
    app = application(ctx.settings)
    yield app, db
    context.of(app).db.close()


@pytest.fixture
def shop_admin(shop: tuple[Flask, Db]) -> CheckingClient:
    client = new_client(shop[0], use_cookies=False)
    client.environ_base["HTTP_X_SESSION_ID"] = log_in(client, "boss@example.com", OLD_PASSWORD, "/admin/user/login")
    return client


def test_a_shops_customer_signs_in_whatever_the_case_and_sees_the_newest_default_first(shop: tuple[Flask, Db]) -> None:
    app, db = shop
    client = new_client(app)
    uuid = db.one("SELECT uuid FROM customer WHERE customer_id = 1")["uuid"]

    log_in(client, "JANE@example.com", OLD_PASSWORD)
    data = client.get(f"/api/customers/{uuid}").get_json()["data"]

    assert (data["email"], data["group_id"]) == ("Jane@Example.com", 2)
    assert [(a["full_name"], a["is_default"]) for a in data["addresses"]] == [
        ("New default", True),
        ("Old default", False),
        (None, False),
    ]


def test_null_columns_are_answered_as_null(shop: tuple[Flask, Db], shop_admin: CheckingClient) -> None:
    uuid = shop[1].one("SELECT uuid FROM customer WHERE customer_id = 2")["uuid"]

    data = shop_admin.get(f"/api/customers/{uuid}").get_json()["data"]
    listed = shop_admin.get("/api/customers").get_json()["data"][1]

    for answer in (data, listed):
        assert [answer[name] for name in ("group_id", "full_name", "created_at", "updated_at")] == [None] * 4


def test_its_triggers_go_on_working(shop: tuple[Flask, Db], shop_admin: CheckingClient) -> None:
    app, db = shop
    db.execute("DELETE FROM event")
    body = {"email": "new@example.com", "password": "correct horse battery", "full_name": "New"}

    uuid = new_client(app).post("/api/customers", json=body).get_json()["data"]["uuid"]
    shop_admin.patch(f"/api/customers/{uuid}", json={"full_name": "Newer"})
    shop_admin.delete(f"/api/customers/{uuid}")

    names = [row["name"] for row in db.all("SELECT name FROM event ORDER BY event_id")]
    assert names == ["customer_created", "customer_updated", "customer_deleted"]


def test_a_shops_customer_can_be_deleted_and_orders_stay(shop: tuple[Flask, Db], shop_admin: CheckingClient) -> None:
    db = shop[1]
    uuid = db.one("SELECT uuid FROM customer WHERE customer_id = 1")["uuid"]

    assert shop_admin.delete(f"/api/customers/{uuid}").status_code == 200
    assert db.one('SELECT count(*) FROM "order"')["count"] == 1
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 0


def test_an_existing_shops_customers_can_be_exported_nulls_and_all(
    shop: tuple[Flask, Db], shop_admin: CheckingClient
) -> None:
    _, db = shop
    db.execute("UPDATE customer SET meta_data = NULL WHERE customer_id = 2")

    full, bare = (
        shop_admin.get(f"/api/customers/{row['uuid']}/export").get_json()["data"]
        for row in db.all("SELECT uuid FROM customer ORDER BY customer_id")
    )

    assert (full["group_name"], len(full["addresses"]), len(full["password_resets"])) == ("Wholesale", 3, 1)
    assert [address["is_default"] for address in full["addresses"]] == [False, False, True]
    nulls = ("group_id", "group_name", "full_name", "created_at", "updated_at", "meta_data")
    assert [bare[name] for name in nulls] == [None] * 6
