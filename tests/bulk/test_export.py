"""`flask export-customers`: what goes out, and comes in again without loss."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from customers.bulk.files import guard, unguard
from customers.security import hashing
from tests.support.bulk import ANN, HOME, Shop, shop, summary
from tests.support.rows import add

__all__ = ["shop"]

# Text in a cell of hundreds of thousands of characters; what looks like rows in it is none.
META = json.dumps({"note": 'a "quoted"\n' + "evil@example.com,Evil,a hash\n" * 12_000})
STORED: list[dict[str, Any]] = [
    {**ANN, "created_at": "2021-01-01T00:00:00.000001Z", "updated_at": "2022-01-01T00:00:00.5Z", "status": 0,
     "group": "Wholesale", "meta_data": '{"n": 1.10, "t": "ü"}',
     "addresses": [HOME, {**HOME, "city": "Köln", "telephone": "=1", "is_default": True,
                          "created_at": "2020-01-01T00:00:00.25Z", "updated_at": None}]},
    {**ANN, "email": "=cmd@example.com", "full_name": "'=1+1", "created_at": "2020-01-01T00:00:00Z"},
    {**ANN, "email": "a@example.com", "full_name": 'a, "b"\n\r;\tc', "created_at": "2020-01-01T00:00:00Z"},
    {**ANN, "email": "b@example.com", "full_name": "\\N", "created_at": None, "password_hash": hashing.UNUSABLE,
     "meta_data": META},
]  # fmt: skip


@pytest.fixture
def filled(shop: Shop) -> Shop:
    result = shop.load_json(*STORED, options=("--create-groups",))
    assert result.exit_code == 0, result.output
    return shop


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_an_export_changes_nothing_where_it_is_from_and_brings_everything_elsewhere(filled: Shop, kind: str) -> None:
    first = filled.export(kind, "--with-hashes")
    assert filled.load(first, "--update").stdout == summary(4, skipped=4)
    filled.db.execute("DELETE FROM customer")
    filled.db.execute("DELETE FROM customer_group WHERE customer_group_id > 1")

    result = filled.load(first, "--create-groups")

    assert (result.exit_code, result.stdout.splitlines()[-1] + "\n") == (0, summary(4, added=4))
    assert filled.export(kind, "--with-hashes") == first


def test_csv_goes_out_oldest_first_with_guarded_cells_and_ndjson_with_addresses(filled: Shop) -> None:
    header, *rows = csv.reader(io.StringIO(filled.export("csv"), newline=""))

    assert header == ["uuid", "email", "full_name", "status", "group", "created_at", "updated_at", "meta_data"]
    assert [row[1] for row in rows] == ["'=cmd@example.com", "a@example.com", "ann@example.com", "b@example.com"]
    assert rows[0][2] == "''=1+1"
    times = ["2021-01-01T00:00:00.000001Z", "2022-01-01T00:00:00.500000Z"]
    assert rows[2][2:] == ["Ann", "0", "Wholesale", *times, '{"n": 1.10, "t": "ü"}']
    assert rows[3][5] == ""

    ann = json.loads(filled.export("ndjson", "--email", "ANN@example.com"))

    assert (ann["group"], ann["status"], len(ann["addresses"])) == ("Wholesale", 0, 2)
    assert ann["addresses"][1] | {"uuid": ""} == {
        **HOME, "uuid": "", "telephone": "=1", "address_2": None, "city": "Köln", "is_default": True,
        "created_at": "2020-01-01T00:00:00.250000Z", "updated_at": None,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_without_hashes_an_export_comes_in_for_those_who_will_reset_their_passwords(filled: Shop, kind: str) -> None:
    exported = filled.export(kind)
    filled.db.execute("DELETE FROM customer")

    refused = filled.load(exported)
    taken = filled.load(exported, "--without-passwords")

    assert "$2" not in exported
    assert "password" not in exported
    assert refused.exit_code == 1
    assert taken.stdout == summary(4, added=4)
    assert {row["password"] for row in filled.customers()} == {hashing.UNUSABLE}


def test_the_filters_are_those_of_the_list_and_a_wrong_one_is_wrong_usage_that_names_it(filled: Shop) -> None:
    for options, emails in (
        (("--keyword", "%"), []),
        (("--full-name", "ANN", "--status", "0"), ["ann@example.com"]),
        (("--group-id", "1", "--status", "1", "--keyword", "b"), ["a@example.com", "b@example.com"]),
        (("--created-from", "2020-01-01", "--created-to", "2021-01-01"), ["=cmd@example.com", "a@example.com"]),
    ):
        assert [json.loads(line)["email"] for line in filled.export("ndjson", *options).splitlines()] == emails

    wrong = ("--status", "2", "--created-from", "now", "--group-id", "x")
    result = filled.run("export-customers", "--format", "csv", *wrong)
    assert result.exit_code == 2
    assert [name for name in wrong[::2] if name not in result.stderr] == []


def test_of_nobody_there_is_a_header_or_nothing_and_an_existing_shops_row_comes_in_again(shop: Shop) -> None:
    """What is no hash goes out as none."""
    assert (shop.export("csv").count("\n"), shop.export("ndjson")) == (1, "")
    add(shop.db, full_name=None, created_at=None, updated_at=None, group_id=None, password="secret")

    exported = shop.export("ndjson", "--with-hashes")
    shop.db.execute("DELETE FROM customer")

    row = json.loads(exported)
    assert (row["full_name"], row["group"], row["password_hash"]) == (None, "Default", hashing.UNUSABLE)
    assert shop.load(exported, "--lenient").stdout == summary(1, added=1)
    assert shop.export("ndjson", "--with-hashes") == exported


TEXTS = st.text("'=+-@\t\r\n \xa0\uff1d\uff0b\uff0d\uff20a;,\"", max_size=8) | st.text()


@given(TEXTS)
def test_every_text_comes_back_from_a_cell_that_begins_like_no_formula(text: str) -> None:
    cell = guard(text)

    assert unguard(cell) == text
    assert not cell.startswith(("\t", "\r", "\n"))
    assert cell.lstrip()[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20")  # the empty text is in no set
