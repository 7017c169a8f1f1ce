"""`flask import-customers`: what comes in, and what does not."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from customers.security import hashing
from tests.conftest import PASSWORD, log_in, new_client
from tests.support.bulk import ANN, HOME, OLD_HASH, OLD_PASSWORD, Shop, shop, summary

__all__ = ["shop"]

UUID = "0b5f8a1e-6f0c-4f6b-9a52-3f1f3a7b2c10"
NO_HASH = "password_hash: Not a bcrypt hash ($2a$, $2b$ or $2y$) of cost 14 or less."
NO_JSON = "meta_data: Not the text of a JSON object."
BOB = {**ANN, "email": "bob@example.com"}


def test_a_csv_file_comes_in_with_all_columns(shop: Shop) -> None:
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
    assert not shop.rejects.exists()


def test_imported_customers_sign_in_with_plain_and_hashed_passwords(shop: Shop, app: Flask) -> None:
    assert shop.load_json(ANN, {**BOB, "password_hash": None, "password": PASSWORD}).exit_code == 0

    log_in(new_client(app), "ann@example.com", OLD_PASSWORD)
    log_in(new_client(app), "bob@example.com", PASSWORD)
    bob = shop.customers()[1]
    assert hashing.cost(bob["password"]) == 4
    assert abs((datetime.now(UTC) - bob["created_at"]).total_seconds()) < 60


def test_those_who_are_there_are_skipped_and_again_changes_nothing(shop: Shop) -> None:
    rows: list[dict[str, Any]] = [ANN, {**BOB, "addresses": [HOME]}, {**BOB, "email": "BOB@Example.com"}]
    shop.load_json(ANN)

    first = shop.load_json({**ANN, "email": "ANN@example.com", "full_name": "Other"}, *rows[1:])
    there = shop.customers(), shop.addresses()
    second = shop.load_json(*rows)

    assert first.stdout == summary(3, added=1, skipped=2)
    assert (second.exit_code, second.stdout) == (0, summary(3, skipped=3))
    assert (shop.customers(), shop.addresses()) == there
    assert shop.customers()[0]["full_name"] == "Ann"


# What a value may be, test_rules.py compares with the API.
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": "nonsense"}, "email: Not a valid email address."),
        ({"email": None}, "email: Is missing."),
        ({"email": 5}, "email: Not a valid string."),
        ({"full_name": None}, "full_name: Is missing."),
        ({"group": "Nobody"}, "group: There is no such group."),
        ({"created_at": "2026-01-01+02:00"}, "created_at: Not a time in ISO 8601, such as 2026-01-31T12:00:00Z."),
        ({"updated_at": "yesterday"}, "updated_at: Not a time in ISO 8601, such as 2026-01-31T12:00:00Z."),
        ({"password_hash": None}, "password: Is missing, and so is password_hash."),
        ({"password_hash": "x" * 60}, NO_HASH),
        ({"password_hash": "$2b$10$" + "a" * 53}, NO_HASH),
        ({"password_hash": OLD_HASH.replace("$10$", "$15$")}, NO_HASH),
        ({"password_hash": OLD_HASH.replace("$2a$", "$2x$")}, NO_HASH),
        ({"password": PASSWORD}, "password: Must not stand beside a password_hash."),
        ({"uuid": "12"}, "uuid: Not a valid UUID."),
        ({"meta_data": "[1]"}, NO_JSON),
        ({"meta_data": '{"a": 1e999}'}, NO_JSON),
        ({"meta_data": '{"a": "\\u0000"}'}, NO_JSON),
        ({"nickname": "x"}, "There is no column nickname."),
        ({"addresses": {}}, "addresses: Not a list of addresses."),
        ({"addresses": [HOME] * 101}, "addresses: More than 100."),
        ({"addresses": [{**HOME, "country": "USA"}]}, "addresses, 1: country: Must be two letters."),
        ({"addresses": [HOME, {**HOME, "street": "x"}]}, "addresses, 2: street: Unknown field."),
        ({"addresses": [{**HOME, "is_default": 1}] * 2}, "addresses: More than one is the default."),
        ({"addresses": [{**HOME, "uuid": "12"}]}, "addresses, 1: uuid: Not a valid UUID."),
        ({"addresses": [{**HOME, "created_at": "2026-01-01+02:00"}]}, "addresses, 1: created_at: Not a time"),
        ({"addresses": [{**HOME, "uuid": UUID}] * 2}, "uuid: Stands twice in the row."),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_does_not_stop_the_rest(
    shop: Shop, change: dict[str, Any], reason: str
) -> None:
    result = shop.load_json({**ANN, "email": "first@example.com"}, {**ANN, **change}, BOB)

    assert (result.exit_code, result.stdout) == (1, summary(3, added=2, rejected=1))
    assert "1 rows were rejected" in result.stderr
    ((line, said),) = shop.rejected()
    assert line == 2
    assert reason in said
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


def test_no_secret_is_told_again(shop: Shop) -> None:
    secret = "hunter2 hunter2"
    bad = [
        {**ANN, "email": "x"},
        {**ANN, "full_name": None, "password_hash": None, "password": secret},
        *({**ANN, name: secret} for name in ("password_hash", "status", "created_at")),
    ]

    result = shop.load("\n".join(map(json.dumps, bad)) + f"\n{secret}\n")

    assert len(shop.rejected()) == 6
    told = result.output + shop.rejects.read_text()
    assert secret not in told
    assert OLD_HASH not in told


def test_a_uuid_is_kept_and_never_given_twice(shop: Shop) -> None:
    home = {**HOME, "uuid": "1" + UUID[1:]}

    within = shop.load_json({**ANN, "uuid": UUID, "addresses": [home]}, {**BOB, "uuid": UUID})
    after = shop.load_json({**BOB, "uuid": UUID}, {**BOB, "addresses": [home]})

    assert (str(shop.customer()["uuid"]), str(shop.addresses()[0]["uuid"])) == (UUID, home["uuid"])
    assert within.stdout == summary(2, added=1, rejected=1)
    assert after.stdout == summary(2, rejected=2)
    assert {reason for _, reason in shop.rejected()} == {
        "uuid: Belongs to another customer, or that of an address does."
    }


def test_leniently_old_shops_rows_come_in(shop: Shop) -> None:
    old = {"email": "old@example.com", "full_name": None, "password_hash": OLD_HASH, "created_at": None,
           "addresses": [{"country": "DE", "full_name": None, "province": ""}]}  # fmt: skip

    assert shop.load_json(old).exit_code == 1
    assert shop.load_json(old, options=("--lenient",)).stdout == summary(1, added=1)
    assert [*shop.customers(), *shop.addresses()][1]["country"] == "DE"


def test_a_row_after_a_rejected_one_of_the_same_e_mail_counts(shop: Shop) -> None:
    """The second was skipped, as if the customer were there, because the first had named the e-mail."""
    shop.load_json({**BOB, "uuid": UUID})

    result = shop.load_json({**ANN, "uuid": UUID}, {**ANN, "group": "None"}, {**ANN, "full_name": "Second"})

    assert result.stdout == summary(3, added=1, rejected=2)
    assert [row["full_name"] for row in shop.customers()] == ["Ann", "Second"]


def test_no_control_character_of_a_file_reaches_the_terminal_or_the_list_of_the_rejected(shop: Shop) -> None:
    escape = "\x1b]0;owned\x07"

    header = shop.load_csv(f"email,full_name,password_hash,z{escape}", "x")
    made = shop.load_json(
        {**ANN, "group": f"G{escape}\u202e"},
        {**BOB, f"x{escape}": 1},
        {**BOB, "addresses": [{**HOME, f"y{escape}": 1}]},
        {**BOB, "status": escape},
        options=("--create-groups",),
    )

    assert "Made 1 groups" in made.stdout
    assert [line for line, _ in shop.rejected()] == [2, 3, 4]
    for shown in (header.output, made.output, *(reason for _, reason in shop.rejected())):
        assert all(char.isprintable() or char == "\n" for char in shown)
