"""`flask import-customers`: what comes in, and what does not."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from customers.bulk import imports
from customers.bulk.files import Record
from customers.bulk.imports import Options
from customers.context import Context
from customers.security import hashing
from tests.conftest import PASSWORD, log_in, new_client
from tests.support.bulk import ANN, HOME, OLD_HASH, OLD_PASSWORD, Shop, shop, summary
from tests.support.rows import add_group

__all__ = ["shop"]

UUID, HOME_UUID, OTHER = (f"{digit}b5f8a1e-6f0c-4f6b-9a52-3f1f3a7b2c10" for digit in "012")
NO_HASH = "password_hash: Not a bcrypt hash ($2a$, $2b$ or $2y$) of cost 14 or less."
NO_JSON = "meta_data: Not the text of a JSON object."
OTHER_HASH = "$2b$04$fACShfgxfVqugPkgZHOhAuJho188lJ/BxEGm9FFr8zy6bZFZ7P.KK"
UPDATE = ("--update",)
NONE = {"password_hash": None}
BOB = {**ANN, "email": "bob@example.com"}


def test_a_csv_file_comes_in_with_all_columns_and_its_customers_sign_in(shop: Shop, app: Flask) -> None:
    hashes = [OLD_HASH.replace("$2a$10$", f"${prefix}$14$") for prefix in ("2a", "2b", "2y")]

    result = shop.load_csv(
        "email,full_name,status,group,created_at,password_hash",
        f"Ann@Example.com, Ann ,0,default,2020-02-03 04:05:06.123456,{hashes[0]}",
        f'bob@example.com,"Bob, the\n""Builder""",1,,2020-02-03T04:05:06+02:00,{hashes[1]}',
        f"cy@example.com,Cy,,,,{hashes[2]}",
    )

    assert (result.exit_code, result.stdout) == (0, summary(3, added=3))
    columns = "email", "full_name", "status", "created_at", "group_name", "password"
    assert [tuple(row[name] for name in columns) for row in shop.customers()] == [
        ("Ann@Example.com", "Ann", 0, datetime(2020, 2, 3, 4, 5, 6, 123456, UTC), "Default", hashes[0]),
        ("bob@example.com", 'Bob, the\n"Builder"', 1, datetime(2020, 2, 3, 2, 5, 6, tzinfo=UTC), "Default", hashes[1]),
        ("cy@example.com", "Cy", 1, None, "Default", hashes[2]),
    ]
    assert shop.rejected() == []

    shop.load_json(
        {**ANN, "email": "old@example.com"}, {**BOB, "email": "new@example.com", "password": PASSWORD, **NONE}
    )
    log_in(new_client(app), "old@example.com", OLD_PASSWORD)
    log_in(new_client(app), "new@example.com", PASSWORD)
    new = shop.customers()[-1]
    assert hashing.cost(new["password"]) == 4
    assert abs((datetime.now(UTC) - new["created_at"]).total_seconds()) < 60


# What a value may be, test_files.py compares with the API.
BAD: list[tuple[dict[str, Any], str]] = [
    ({"email": "nonsense"}, "email: Not a valid email address."),
    ({"full_name": None}, "full_name: Is missing."),
    ({"group": "Nobody"}, "group: There is no such group."),
    ({"created_at": "2026-01-01+02:00"}, "created_at: Not a time in ISO 8601, such as 2026-01-31T12:00:00Z."),
    (NONE, "password: Is missing, and so is password_hash."),
    ({"password_hash": "$2b$10$" + "a" * 53}, NO_HASH),
    ({"password_hash": OLD_HASH.replace("$10$", "$15$")}, NO_HASH),
    ({"password_hash": OLD_HASH.replace("$2a$", "$2x$")}, NO_HASH),
    ({"password": PASSWORD}, "password: Give a password or a password_hash, not both."),
    ({"uuid": "12"}, "uuid: Not a valid UUID."),
    ({"meta_data": '{"a": 1e999}'}, NO_JSON),
    ({"meta_data": '{"a": "\\u0000"}'}, NO_JSON),
    ({"nickname": "x"}, "There is no column nickname."),
    ({"addresses": {}}, "addresses: Not a list of addresses."),
    ({"addresses": [HOME] * 101}, "addresses: More than 100."),
    ({"addresses": [{**HOME, "country": "USA"}]}, "addresses, 1: country: Must be two letters."),
    ({"addresses": [HOME, {**HOME, "street": "x"}]}, "addresses, 2: street: Unknown field."),
    ({"addresses": [{**HOME, "is_default": 1}] * 2}, "addresses: More than one is the default."),
    ({"addresses": [{**HOME, "uuid": UUID}] * 2}, "uuid: Used twice in this row."),
]


def test_bad_rows_are_told_by_line_and_reason_and_do_not_stop_the_rest(shop: Shop) -> None:
    result = shop.load_json({**ANN, "email": "first@example.com"}, *({**ANN, **change} for change, _ in BAD), BOB)

    assert (result.exit_code, result.stdout) == (1, summary(len(BAD) + 2, added=2, rejected=len(BAD)))
    assert f"{len(BAD)} rows were rejected" in result.stderr
    assert [line for line, _ in shop.rejected()] == [*range(2, len(BAD) + 2)]
    for (_, said), (change, reason) in zip(shop.rejected(), BAD, strict=True):
        assert reason in said, change
    assert [row["email"] for row in shop.customers()] == ["first@example.com", "bob@example.com"]


def test_a_group_is_made_when_that_is_asked_for(shop: Shop) -> None:
    rows = [{**ANN, "group": "Wholesale"}, {**BOB, "group": "WHOLESALE"}]

    refused = shop.load_json(*rows)
    dry = shop.load_json(*rows, options=("--create-groups", "--dry-run"))
    made = shop.load_json(*rows, options=("--create-groups",))

    assert refused.exit_code == 1
    assert "Would make 1 groups: Wholesale\n2 rows read: 2 would be added" in dry.stdout
    assert "Made 1 groups: Wholesale\n" in made.stdout
    assert [row["group_name"] for row in shop.customers()] == ["Wholesale"] * 2


def test_neither_a_secret_nor_a_control_character_of_a_file_is_told_again(shop: Shop) -> None:
    secret, escape = "hunter2 hunter2", "\x1b]0;owned\x07\u202e"
    bad: list[dict[str, Any]] = [
        {**ANN, "email": "x"},
        {**ANN, "full_name": None, "password_hash": None, "password": secret},
        *({**ANN, name: secret} for name in ("password_hash", "status", "created_at")),
        {**BOB, f"x{escape}": 1},
        {**BOB, "addresses": [{**HOME, f"y{escape}": 1}]},
        {**BOB, "status": escape},
        {**BOB, "group": f"G{escape}"},
    ]

    header = shop.load_csv(f"email,full_name,password_hash,z{escape}", "x")
    made = shop.load("\n".join(map(json.dumps, bad)) + f"\n{secret}\n", "--create-groups")

    assert "Made 1 groups" in made.stdout
    assert [line for line, _ in shop.rejected()] == [*range(1, 9), 10]
    for told in (header.output, made.output, *(reason for _, reason in shop.rejected())):
        assert all(char.isprintable() or char == "\n" for char in told)
        assert secret not in told
        assert OLD_HASH not in told


def test_postgresql_knows_of_the_customers_afterwards(shop: Shop) -> None:
    shop.load_json(ANN)
    assert shop.db.one("SELECT reltuples AS known FROM pg_class WHERE relname = 'customer'") == {"known": 1}


def test_leniently_old_shops_rows_come_in(shop: Shop) -> None:
    old: dict[str, Any] = {
        **ANN,
        "full_name": None,
        "created_at": None,
        "addresses": [{"country": "DE", "full_name": None}],
    }

    assert shop.load_json(old).exit_code == 1
    assert shop.load_json(old, options=("--lenient",)).stdout == summary(1, added=1)
    assert [address["country"] for address in shop.addresses()] == ["DE"]
    assert shop.load_json({**BOB, "full_name": ""}, options=("--lenient",)).stdout == summary(1, added=1)


def test_a_row_after_rejected_ones_of_the_same_e_mail_counts(shop: Shop) -> None:
    """The second was skipped, as if the customer were there, because the first had named the e-mail."""
    home: dict[str, Any] = {"addresses": [{**HOME, "uuid": HOME_UUID}]}
    shop.load_json({**BOB, "uuid": UUID, **home})
    taken: list[dict[str, Any]] = [{**ANN, "uuid": UUID}, {**ANN, "uuid": HOME_UUID}, {**ANN, **home}]

    result = shop.load_json(*taken, {**ANN, "group": "None"}, {**ANN, "full_name": "Second"})

    assert result.stdout == summary(5, added=1, rejected=4)
    assert [row["full_name"] for row in shop.customers()] == ["Ann", "Second"]

    third = {**ANN, "email": "third@example.com"}
    again = shop.load_json({**third, "uuid": OTHER}, {**third, "email": "fourth@example.com", "uuid": OTHER},
                           {**third, "email": "fourth@example.com"})  # fmt: skip
    assert again.stdout == summary(3, added=2, rejected=1)


CHANGES: list[dict[str, Any]] = [
    {"email": "ANN@example.com"},
    {"full_name": "Anna"},
    {"status": 0},
    {"group": "Wholesale"},
    {"created_at": "2020-01-01T00:00:00Z"},
    {"meta_data": '{"a": 1}'},
    {"password_hash": OTHER_HASH},
    {**NONE, "password": PASSWORD},
    {"addresses": []},
    {"addresses": [{**HOME, "city": "Bonn", "is_default": True}]},
    {"addresses": [{**HOME, "city": "Ulm"}, HOME]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_update_writes_what_differs_once(shop: Shop, change: dict[str, Any]) -> None:
    add_group(shop.db, "Wholesale")
    stored = {**ANN, "addresses": [{**HOME, "city": "Ulm"}]}
    shop.load_json(stored)
    before = shop.customers(), shop.addresses()
    row = {**ANN, **change}

    dry = shop.load_json(row, options=(*UPDATE, "--dry-run"))
    assert "0 would be added, 1 would be updated, 0 would be skipped, 0 rejected" in dry.stdout
    assert (shop.customers(), shop.addresses()) == before

    assert shop.load_json(row, options=UPDATE).stdout == summary(1, updated=1)
    there = shop.customers(), shop.addresses()
    assert there != before
    cities = [address.get("city") for address in {**stored, **change}["addresses"]]
    assert [address["city"] for address in shop.addresses()] == cities

    assert shop.load_json(row, options=UPDATE).stdout == summary(1, skipped=1)
    assert (shop.customers(), shop.addresses()) == there


def test_what_a_row_does_not_say_stays(shop: Shop) -> None:
    shop.load_json({**ANN, "status": 0, "created_at": "2020-01-01", "meta_data": '{"a": 1}', "addresses": [HOME]})
    (before,) = shop.customers()

    result = shop.load_csv("email,full_name,created_at", "ann@example.com,Anna,", options=UPDATE)

    (after,) = shop.customers()
    assert result.stdout == summary(1, updated=1)
    assert {**after, "full_name": "Ann", "updated_at": before["updated_at"]} == before
    assert after["updated_at"] > before["updated_at"]
    assert len(shop.addresses()) == 1


@pytest.mark.parametrize("change", [{"password_hash": OTHER_HASH}, {"status": 0}])
def test_a_new_password_or_status_0_ends_sessions_and_resets(shop: Shop, app: Flask, change: dict[str, Any]) -> None:
    shop.load_json(ANN, BOB)
    for email in ("ann@example.com", "bob@example.com"):
        log_in(new_client(app), email, OLD_PASSWORD)
    shop.db.execute("INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, 'x' FROM customer")

    shop.load_json({**ANN, **change}, {**BOB, "full_name": "Bob"}, options=UPDATE)

    for table in ("login_session", "reset_password_token"):
        (row,) = shop.db.all(f"SELECT email FROM {table} JOIN customer USING (customer_id)")
        assert row["email"] == "bob@example.com"


# Ann is there already; no uuid is given twice, and an update cannot mean two rows of one e-mail.
ROWS: list[dict[str, Any]] = [
    {**ANN, "email": "ANN@example.com", "full_name": "Anna"},
    {**BOB, "uuid": UUID, "addresses": [{**HOME, "uuid": HOME_UUID}]},
    {**ANN, "email": "Bob@example.com", "full_name": "Second"},
    {"email": "cy@example.com", "full_name": "Cy", "password": PASSWORD},
    {**ANN, "email": "dan@example.com", "uuid": UUID},
    {**ANN, "email": "eve@example.com", "addresses": [{**HOME, "uuid": HOME_UUID}]},
    {**ANN, "email": "fay@example.com", "password_hash": None},
    {**ANN, "email": "guy@example.com", "full_name": None},
]


@pytest.mark.parametrize(("update", "fates"), [(False, (2, 2, 0, 5, 6, 7, 8)), (True, (2, 0, 1, 3, 5, 6, 7, 8))])
def test_neither_a_dry_run_nor_the_division_into_batches_changes_an_outcome(
    shop: Shop, ctx: Context, update: bool, fates: tuple[int, ...]
) -> None:
    """A batch does not see what an earlier one of a dry run would have written."""
    records = [Record(number, row) for number, row in enumerate(ROWS, 1)]

    def outcome(most: int, *, dry_run: bool) -> tuple[Any, ...]:
        shop.db.execute("DELETE FROM customer")
        shop.load_json(ANN)
        done = list(imports.run(ctx, records, Options(update=update, dry_run=dry_run), most=most))
        counts = sum((each.counts for each in done), Counter[str]())
        lines = sorted(line for each in done for line, _ in each.rejected)
        return counts["added"], counts["skipped"], counts["updated"], *lines

    (found,) = {outcome(most, dry_run=dry_run) for most in (1, 2, 100) for dry_run in (True, False)}
    assert found == fates
    assert [row["full_name"] for row in shop.customers()] == ["Anna" if update else "Ann", "Ann", "Cy"]
