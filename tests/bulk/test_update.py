"""`flask import-customers --update` and `--dry-run`: what changes, and what does not."""

from collections import Counter
from typing import Any

import pytest
from flask import Flask

from customers.bulk import imports
from customers.bulk.files import Record
from customers.bulk.imports import Options
from customers.context import Context
from tests.conftest import PASSWORD, log_in, new_client
from tests.support.bulk import ANN, HOME, OLD_PASSWORD, Shop, shop, summary
from tests.support.database import Db

__all__ = ["shop"]

OTHER_HASH = "$2b$04$fACShfgxfVqugPkgZHOhAuJho188lJ/BxEGm9FFr8zy6bZFZ7P.KK"
UPDATE = ("--update",)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "ANN@example.com"},
        {"full_name": "Anna"},
        {"status": 0},
        {"group": "Wholesale"},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"meta_data": '{"a": 1}'},
        {"password_hash": OTHER_HASH},
        {"password_hash": None, "password": PASSWORD},
        {"addresses": []},
        {"addresses": [{**HOME, "city": "Bonn", "is_default": True}]},
        {"addresses": [{**HOME, "city": "Ulm"}, HOME]},
    ],
)
def test_an_update_writes_what_differs_once(shop: Shop, change: dict[str, Any]) -> None:
    shop.db.execute("INSERT INTO customer_group (group_name) VALUES ('Wholesale')")
    stored = {**ANN, "addresses": [{**HOME, "city": "Ulm"}]}
    shop.load_json(stored)
    before = shop.customers(), shop.addresses()
    row = {**ANN, **change}

    dry = shop.load_json(row, options=(*UPDATE, "--dry-run"))
    unchanged = shop.customers(), shop.addresses()
    first = shop.load_json(row, options=UPDATE)
    there = shop.customers(), shop.addresses()
    second = shop.load_json(row, options=UPDATE)

    assert unchanged == before
    assert "0 would be added, 1 would be updated, 0 would be skipped, 0 rejected" in dry.stdout
    assert (first.exit_code, first.stdout) == (0, summary(1, updated=1))
    assert there != before
    cities = [address.get("city") for address in {**stored, **change}["addresses"]]
    assert [address["city"] for address in shop.addresses()] == cities
    assert second.stdout == summary(1, skipped=1)
    assert (shop.customers(), shop.addresses()) == there


def test_what_a_row_does_not_say_stays(shop: Shop) -> None:
    shop.load_json({**ANN, "status": 0, "created_at": "2020-01-01", "meta_data": '{"a": 1}', "addresses": [HOME]})
    before = shop.customer()

    result = shop.load_csv("email,full_name,created_at", "ann@example.com,Anna,", options=UPDATE)

    after = shop.customer()
    assert result.stdout == summary(1, updated=1)
    assert {**after, "full_name": "Ann", "updated_at": before["updated_at"]} == before
    assert after["updated_at"] > before["updated_at"]
    assert len(shop.addresses()) == 1


def test_an_update_adds_whoever_is_not_there_if_the_row_is_whole(shop: Shop) -> None:
    bob, cy = {"email": "bob@example.com", "full_name": "Bob"}, {**ANN, "email": "cy@example.com", "full_name": None}

    result = shop.load_json(ANN, bob, cy, options=UPDATE)

    assert result.stdout == summary(3, added=1, rejected=2)
    assert shop.rejected() == [(2, "password: Is missing, and so is password_hash."), (3, "full_name: Is missing.")]


def test_an_update_cannot_mean_two_rows_of_one_e_mail(shop: Shop) -> None:
    for fate in ("added", "skipped"):
        result = shop.load_json(ANN, {**ANN, "email": "ANN@example.com", "full_name": "Other"}, options=UPDATE)

        assert result.stdout == summary(2, **{fate: 1}, rejected=1)
        assert shop.rejected() == [(2, "email: Stood in the file before.")]
    assert shop.customer()["full_name"] == "Ann"


@pytest.mark.parametrize("change", [{"password_hash": OTHER_HASH}, {"status": 0}])
def test_a_new_password_or_status_0_ends_sessions_and_resets(
    shop: Shop, app: Flask, db: Db, change: dict[str, Any]
) -> None:
    shop.load_json(ANN, {**ANN, "email": "bob@example.com"})
    for email in ("ann@example.com", "bob@example.com"):
        log_in(new_client(app), email, OLD_PASSWORD)
    db.execute("INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, 'x' FROM customer")

    shop.load_json({**ANN, **change}, {**ANN, "email": "bob@example.com", "full_name": "Bob"}, options=UPDATE)

    for table in ("login_session", "reset_password_token"):
        (row,) = db.all(f"SELECT email FROM {table} JOIN customer USING (customer_id)")
        assert row["email"] == "bob@example.com"


UUIDS = "0b5f8a1e-6f0c-4f6b-9a52-3f1f3a7b2c10", "1b5f8a1e-6f0c-4f6b-9a52-3f1f3a7b2c10"
ROWS: list[dict[str, Any]] = [
    {**ANN, "full_name": "Anna"},
    {**ANN, "email": "bob@example.com", "uuid": UUIDS[0], "addresses": [{**HOME, "uuid": UUIDS[1]}]},
    {**ANN, "email": "Bob@example.com"},
    {"email": "cy@example.com", "full_name": "Cy", "password": PASSWORD},
    {**ANN, "email": "dan@example.com", "uuid": UUIDS[0]},
    {**ANN, "email": "eve@example.com", "addresses": [{**HOME, "uuid": UUIDS[1]}]},
    {**ANN, "email": "bad"},
]


@pytest.mark.parametrize(("update", "fates"), [(False, (2, 2, 0, 3)), (True, (2, 0, 1, 4))])
def test_neither_a_dry_run_nor_the_division_into_batches_changes_an_outcome(
    shop: Shop, ctx: Context, update: bool, fates: tuple[int, ...]
) -> None:
    """A batch does not see what an earlier one of a dry run would have written."""
    records = [Record(number, row) for number, row in enumerate(ROWS, 1)]

    def outcome(most: int, *, dry_run: bool) -> tuple[Counter[str], list[int]]:
        shop.db.execute("DELETE FROM customer")
        shop.load_json(ANN)
        done = list(imports.run(ctx, records, Options(update=update, dry_run=dry_run), most=most))
        counts = sum((each.counts for each in done), Counter[str]())
        return counts, sorted(line for each in done for line, _ in each.rejected)

    first, *others = (outcome(most, dry_run=dry_run) for most in (1, 2, 100) for dry_run in (True, False))

    counts, rejected = first
    assert (counts["added"], counts["skipped"], counts["updated"], len(rejected)) == fates
    assert others == [first] * 5
