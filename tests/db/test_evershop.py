"""An existing shop's rows at work, as they are."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from customers.http import context
from tests.conftest import EVERSHOP, Account, Made, application, log_in, new_client
from tests.support.answers import data_of
from tests.support.builders import CUSTOMERS
from tests.support.bulk import OLD_PASSWORD
from tests.support.database import Db
from tests.support.shops import migrated


@pytest.fixture
def shop(make: Callable[..., Made]) -> Iterator[tuple[Flask, Db, Account]]:
    """Return a shop, its database and its admin."""
    ctx, db = migrated(make, EVERSHOP)
    app = application(ctx.settings)
    sid = log_in(new_client(app, use_cookies=False), "boss@example.com", OLD_PASSWORD, "/admin/user/login")
    yield app, db, Account(app, "", "boss@example.com", sid)
    context.of(app).db.close()


def path_of(db: Db, customer_id: int) -> str:
    return f"{CUSTOMERS}/{db.one('SELECT uuid FROM customer WHERE customer_id = %s', customer_id)['uuid']}"


def test_a_shops_customer_signs_in_whatever_the_case_sees_the_newest_default_first_and_can_be_deleted(
    shop: tuple[Flask, Db, Account],
) -> None:
    app, db, admin = shop
    client, path = new_client(app), path_of(db, 1)

    log_in(client, "JANE@example.com", OLD_PASSWORD)
    data, export = data_of(client.get(path)), data_of(client.get(f"{path}/export"))
    data_of(admin.client.delete(path))

    assert (data["email"], data["group_id"]) == ("Jane@Example.com", 2)
    addresses = [("New default", True), ("Old default", False), (None, False)]
    assert [(each["full_name"], each["is_default"]) for each in data["addresses"]] == addresses
    assert (export["group_name"], len(export["addresses"]), len(export["password_resets"])) == ("Wholesale", 3, 1)
    assert db.one('SELECT count(*) FROM "order"') == {"count": 1}
    assert db.one("SELECT count(*) FROM customer_address") == {"count": 0}


def test_null_columns_are_answered_listed_and_exported_as_null(shop: tuple[Flask, Db, Account]) -> None:
    _, db, admin = shop
    db.execute("UPDATE customer SET meta_data = NULL WHERE customer_id = 2")
    path = path_of(db, 2)

    answers = [data_of(admin.client.get(read)) for read in (path, f"{path}/export", CUSTOMERS)]

    for answer in (*answers[:2], answers[2][1]):
        assert [answer[name] for name in ("group_id", "full_name", "created_at", "updated_at")] == [None] * 4
    assert (answers[1]["group_name"], answers[1]["meta_data"]) == (None, None)
