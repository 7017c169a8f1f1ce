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
NO_TIME = "Not a time in ISO 8601, such as 2026-01-31T12:00:00Z."
TAKEN = "uuid: Belongs to another customer, or that of an address does."


def test_a_csv_file_comes_in_with_all_columns(shop: Shop) -> None:
    result = shop.load_csv(
        "email,full_name,status,group,created_at,password_hash",
        f"Ann@Example.com, Ann ,0,default,2020-02-03 04:05:06.123456,{OLD_HASH}",
        f'bob@example.com,"Bob, the\n""Builder""",1,,2020-02-03T04:05:06+02:00,{OLD_HASH}',
        f"cy@example.com,Cy,,,,{OLD_HASH}",
    )

    assert (result.exit_code, result.stdout) == (0, summary(3, added=3))
    ann, bob, cy = shop.customers()
    assert (ann["email"], ann["full_name"], ann["status"], ann["group_name"]) == (
        "Ann@Example.com",
        "Ann",
        0,
        "Default",
    )
    assert ann["created_at"] == datetime(2020, 2, 3, 4, 5, 6, 123456, UTC)
    assert (bob["full_name"], bob["status"]) == ('Bob, the\n"Builder"', 1)
    assert bob["created_at"] == datetime(2020, 2, 3, 2, 5, 6, tzinfo=UTC)
    assert (cy["status"], cy["group_name"], cy["created_at"], cy["password"]) == (1, "Default", None, OLD_HASH)
    assert not shop.rejects.exists()


def test_ndjson_comes_in_with_addresses(shop: Shop) -> None:
    result = shop.load_json({**ANN, "addresses": [HOME, {**HOME, "city": "Köln\t\\", "is_default": True}]})

    assert (result.exit_code, result.stdout) == (0, summary(1, added=1))
    first, second = shop.addresses()
    assert (first["address_1"], first["city"], first["is_default"]) == ("1 Main Street", None, False)
    assert (second["city"], second["is_default"], second["country"]) == ("Köln\t\\", True, "US")
    now = shop.customer()["created_at"]
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60


def test_imported_customers_sign_in_with_plain_and_hashed_passwords(shop: Shop, app: Flask) -> None:
    plain = {"email": "bob@example.com", "full_name": "Bob", "password": PASSWORD}

    assert shop.load_json(ANN, plain).exit_code == 0

    log_in(new_client(app), "ann@example.com", OLD_PASSWORD)
    log_in(new_client(app), "bob@example.com", PASSWORD)
    stored = [row["password"] for row in shop.customers()]
    assert stored[0] != PASSWORD
    assert hashing.cost(stored[1]) == 4


def test_nobody_signs_in_where_there_was_no_password(shop: Shop, app: Flask) -> None:
    row = {"email": "bob@example.com", "full_name": "Bob"}

    assert shop.load_json(row, options=("--without-passwords",)).exit_code == 0

    for password in (hashing.UNUSABLE, PASSWORD):
        login = new_client(app).post("/customer/login", json={"email": row["email"], "password": password})
        assert login.status_code == 401


def test_those_who_are_there_are_skipped_and_again_changes_nothing(shop: Shop) -> None:
    rows: list[dict[str, Any]] = [ANN, {**ANN, "email": "bob@example.com", "addresses": [HOME]}]
    shop.load_json(ANN)

    first = shop.load_json({**ANN, "email": "ANN@example.com", "full_name": "Other"}, *rows[1:])
    there = shop.customers(), shop.addresses()
    second = shop.load_json(*rows)

    assert first.stdout == summary(2, added=1, skipped=1)
    assert (second.exit_code, second.stdout) == (0, summary(2, skipped=2))
    assert (shop.customers(), shop.addresses()) == there
    assert shop.customers()[0]["full_name"] == "Ann"


def test_an_address_that_is_in_the_file_twice_is_imported_once(shop: Shop) -> None:
    assert shop.load_json(ANN, {**ANN, "email": "Ann@Example.COM"}).stdout == summary(2, added=1, skipped=1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": "nonsense"}, "email: Not a valid email address."),
        ({"email": None}, "email: Is missing."),
        ({"email": 5}, "email: Not a valid string."),
        ({"email": "ä@example.com"}, "email: Not a valid email address."),
        ({"full_name": ""}, "full_name: Must not be blank."),
        ({"full_name": "\u200b\u3164"}, "full_name: Must not be blank."),
        ({"full_name": "x" * 256}, "full_name: Longer than maximum length 255."),
        ({"full_name": "a\0b"}, "full_name: Must not contain NUL characters or lone surrogates."),
        ({"full_name": "a\ud800b"}, "full_name: Must not contain NUL characters or lone surrogates."),
        ({"full_name": None}, "full_name: Is missing."),
        ({"status": 2}, 'status: Must be one of "0", "1", 0, 1.'),
        ({"status": True}, 'status: Must be one of "0", "1", 0, 1.'),
        ({"group": "Nobody"}, "group: There is no such group."),
        ({"created_at": "yesterday"}, NO_TIME),
        ({"created_at": "2026-01-01+02:00"}, NO_TIME),
        ({"updated_at": "2026-01-01Z"}, NO_TIME),
        ({"updated_at": "20260101-0200"}, NO_TIME),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, NO_TIME),
        ({"password_hash": None}, "password: Is missing, and so is password_hash."),
        ({"password_hash": "x" * 60}, NO_HASH),
        ({"password_hash": "$2b$10$" + "a" * 53}, NO_HASH),
        ({"password_hash": OLD_HASH.replace("$10$", "$15$")}, NO_HASH),
        ({"password_hash": OLD_HASH.replace("$2a$", "$2x$")}, NO_HASH),
        ({"password": PASSWORD}, "password: Must not stand beside a password_hash."),
        ({"password": "password1", "password_hash": None}, "password: This password is one of the most common"),
        ({"password": "short", "password_hash": None}, "password: Must have at least 8 characters."),
        ({"password": "ü" * 37, "password_hash": None}, "password: Must have at most 72 bytes in UTF-8."),
        ({"uuid": "12"}, "uuid: Not a valid UUID."),
        ({"meta_data": "[1]"}, "meta_data: Not the text of a JSON object."),
        ({"meta_data": '{"a": 1e999}'}, "meta_data: Not the text of a JSON object."),
        ({"meta_data": '{"a": "\\u0000"}'}, "meta_data: Not the text of a JSON object."),
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
    bad, good = {**ANN, **change}, {**ANN, "email": "bob@example.com"}

    result = shop.load_json({**ANN, "email": "first@example.com"}, bad, good)

    assert result.exit_code == 1
    assert result.stdout == summary(3, added=2, rejected=1)
    assert "1 rows were rejected" in result.stderr
    ((line, said),) = shop.rejected()
    assert line == 2
    assert reason in said
    assert [row["email"] for row in shop.customers()] == ["first@example.com", "bob@example.com"]


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
def test_hashes_of_every_prefix_up_to_cost_14_are_kept_as_they_are(shop: Shop, prefix: str) -> None:
    hashed = OLD_HASH.replace("$2a$10$", f"${prefix}$14$")

    assert shop.load_json({**ANN, "password_hash": hashed}).exit_code == 0
    assert shop.customer()["password"] == hashed


def test_a_group_is_made_when_that_is_asked_for(shop: Shop) -> None:
    rows = [{**ANN, "group": "Wholesale"}, {**ANN, "email": "bob@example.com", "group": "WHOLESALE"}]

    refused = shop.load_json(*rows)
    dry = shop.load_json(*rows, options=("--create-groups", "--dry-run"))
    made = shop.load_json(*rows, options=("--create-groups",))

    assert refused.exit_code == 1
    assert "Would make 1 groups: Wholesale\n" in dry.stdout
    assert "2 would be added" in dry.stdout
    assert "Made 1 groups: Wholesale\n" in made.stdout
    assert [row["group_name"] for row in shop.customers()] == ["Wholesale"] * 2


def test_no_secret_is_told_again(shop: Shop) -> None:
    secret = "hunter2 hunter2"
    bad = [
        {**ANN, "email": "x", "password_hash": OLD_HASH},
        {**ANN, "full_name": None, "password_hash": None, "password": secret},
        {**ANN, "password_hash": secret},
        {**ANN, "status": secret},
        {**ANN, "created_at": secret, "password_hash": OLD_HASH},
    ]

    result = shop.load(json.dumps({**ANN, "status": 9}) + "\n" + "\n".join(map(json.dumps, bad)) + f"\n{secret}\n")

    assert result.exit_code == 1
    assert len(shop.rejected()) == 7
    for told in (result.output, shop.rejects.read_text()):
        assert secret not in told
        assert OLD_HASH not in told


def test_a_uuid_is_kept_and_never_given_twice(shop: Shop) -> None:
    bob, cy = {**ANN, "email": "bob@example.com", "uuid": UUID}, {**ANN, "email": "cy@example.com", "uuid": UUID}

    within = shop.load_json({**ANN, "uuid": UUID}, bob)
    after = shop.load_json(cy)

    assert str(shop.customer()["uuid"]) == UUID
    assert within.stdout == summary(2, added=1, rejected=1)
    assert after.stdout == summary(1, rejected=1)
    assert shop.rejected() == [(1, TAKEN)]


def test_an_address_with_the_uuid_of_anothers_is_refused(shop: Shop) -> None:
    home = {**HOME, "uuid": UUID}
    shop.load_json({**ANN, "addresses": [home]})

    result = shop.load_json({**ANN, "email": "bob@example.com", "addresses": [home]})

    assert result.stdout == summary(1, rejected=1)
    assert shop.rejected() == [(1, TAKEN)]


def test_leniently_old_shops_rows_come_in(shop: Shop) -> None:
    old = {"email": "old@example.com", "full_name": None, "password_hash": OLD_HASH, "created_at": None,
           "addresses": [{"country": "DE", "full_name": None, "province": ""}]}  # fmt: skip

    assert shop.load_json(old).exit_code == 1
    assert shop.load_json(old, options=("--lenient",)).stdout == summary(1, added=1)

    assert (shop.customer()["full_name"], shop.customer()["created_at"]) == (None, None)
    assert (shop.addresses()[0]["full_name"], shop.addresses()[0]["country"]) == (None, "DE")


def test_a_row_after_a_rejected_one_of_the_same_e_mail_counts(shop: Shop) -> None:
    """The second was skipped, as if the customer were there, because the first had named the e-mail."""
    shop.load_json({**ANN, "email": "bob@example.com", "uuid": UUID})

    result = shop.load_json({**ANN, "uuid": UUID}, {**ANN, "group": "None"}, {**ANN, "full_name": "Second"})

    assert result.stdout == summary(3, added=1, rejected=2)
    assert [row["full_name"] for row in shop.customers()] == ["Ann", "Second"]


def test_names_that_differ_by_unicode_normalization_are_one(shop: Shop) -> None:
    nfd, nfc = "Zu\u0308rich", "Zürich"
    shop.db.execute("INSERT INTO customer_group (group_name) VALUES (%s)", nfc)

    result = shop.load_json(
        {**ANN, "full_name": nfd, "group": nfd, "addresses": [{**HOME, "city": nfd}]},
        {**ANN, "email": "bob@example.com", "group": f" {nfd.upper()} "},
        options=("--create-groups",),
    )

    assert result.stdout == summary(2, added=2)
    assert (shop.customers()[0]["full_name"], shop.addresses()[0]["city"]) == (nfc, nfc)
    assert [row["group_name"] for row in shop.customers()] == [nfc, nfc]


def test_a_password_in_either_unicode_form_opens_the_account(shop: Shop, app: Flask) -> None:
    nfd, nfc = "cafe\u0301 am Markt", "café am Markt"

    assert shop.load_json({"email": ANN["email"], "full_name": "Ann", "password": nfd}).exit_code == 0

    for typed in (nfd, nfc):
        log_in(new_client(app), ANN["email"], typed)


def test_no_control_character_of_a_file_reaches_the_terminal(shop: Shop) -> None:
    escape = "\x1b]0;owned\x07"
    good = {**ANN, "email": "bob@example.com", "group": f"G{escape}\u202e"}

    made = shop.load_json(good, options=("--create-groups",))
    rejected = shop.load_json(
        ANN,
        {**ANN, f"x{escape}": 1},
        {**ANN, "addresses": [{**HOME, f"y{escape}": 1}]},
        {**ANN, "email": f"a{escape}@example.com"},
        {**ANN, "status": escape},
    )
    header = shop.load_csv(f"email,full_name,password_hash,z{escape}", "x")

    assert "Made 1 groups" in made.stdout
    assert len(shop.rejected()) == 0
    assert (rejected.exit_code, header.exit_code) == (1, 2)
    for shown in (made.output, rejected.output, header.output):
        assert all(char.isprintable() or char == "\n" for char in shown)


def test_what_is_rejected_is_listed_without_control_characters(shop: Shop) -> None:
    escape = "\x1b[2J"

    shop.load_json(ANN, {**ANN, f"x{escape}": 1}, {**ANN, "addresses": [{**HOME, f"y{escape}": 1}]})

    assert [line for line, _ in shop.rejected()] == [2, 3]
    assert all(reason.isprintable() for _, reason in shop.rejected())
