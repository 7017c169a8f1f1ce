"""`flask import-customers`: files as they come, and values, whose rules are the API's."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from marshmallow import ValidationError

from customers.bulk import rows
from customers.bulk.files import LONGEST, Record
from customers.features.accounts.schemas import NewCustomer
from customers.features.groups.schemas import NewGroup
from tests.support.bulk import ANN, OLD_HASH, Shop, shop, summary

__all__ = ["shop"]

HEADER = "email,full_name,password_hash"


def line(name: str) -> str:
    return f"{name}@example.com,{name},{OLD_HASH}"


def test_line_ends_blanks_a_byte_order_mark_and_nameless_columns_at_the_end_do_not_matter(shop: Shop) -> None:
    lines = ["", " Email ,FULL_NAME,password_hash,,", ",,,,", "", f"{line('ann')},,", " , ,,", line("bob"), ",,,,,,,,"]
    for ending, mark, delimiter in ("\n", "", ","), ("\r\n", "\ufeff", ";"), ("\r", "", "\t"):
        shop.db.execute("DELETE FROM customer")

        result = shop.load(mark + ending.join(lines).replace(",", delimiter))

        assert (result.exit_code, result.stdout) == (0, summary(2, added=2))


BROKEN = {
    "quote": [f'bob@example.com,"Bob,{OLD_HASH}', line("cy"), f'"eve@example.com","Eve","{OLD_HASH}"', line("fay")],
    "length": [f"bob@example.com,{'x' * LONGEST},x", line("eve")],
    "quoted length": [f'bob@example.com,"{"x" * LONGEST}",x', line("eve")],
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_unclosed_quote_or_a_record_too_long_ends_the_reading(shop: Shop, broken: list[str]) -> None:
    """Reading went on at the next line, which may be the inside of a cell: text of a customer became an account."""
    result = shop.load_csv(HEADER, line("ann"), *broken)

    assert (result.exit_code, result.stdout) == (1, summary(2, added=1, rejected=1))
    assert "Nothing from line 3 on was read" in result.stderr
    ((number, reason),) = shop.rejected()
    assert (number, reason.endswith("Nothing behind it was read.")) == (3, True)
    assert [row["email"] for row in shop.customers()] == ["ann@example.com"]


def test_nothing_within_a_quoted_cell_is_read_as_a_record(shop: Shop) -> None:
    """A cell over the csv module's limit of 131,072 characters was given up, and its lines were read as records."""
    inside = f"\n{line('evil')}\n" * 50_000

    result = shop.load_csv(HEADER, line("ann"), f'bob@example.com,"{inside}",{OLD_HASH}', line("cy"))

    assert result.stdout == summary(3, added=2, rejected=1)
    assert [row["email"] for row in shop.customers()] == ["ann@example.com", "cy@example.com"]
    assert shop.rejected() == [(3, "full_name: Longer than maximum length 255.")]


def test_no_part_of_a_long_line_of_json_is_read_as_a_record(shop: Shop) -> None:
    begin = '{"email": "ann@example.com", "full_name": "'

    result = shop.load(f'{{"email": "x"}}\n{begin}{"x" * (LONGEST - len(begin))}{json.dumps(ANN)}"}}\n')

    assert result.stdout == summary(2, rejected=2)
    assert shop.customers() == []


def test_a_line_of_csv_that_is_no_record_costs_itself_only(shop: Shop) -> None:
    latin = f"bob@example.com,J\udcfcrgen,{OLD_HASH}"
    lines = (HEADER, "bob@example.com,B", line("ann"), f"{line('bob')},more", latin, line("cy"))

    result = shop.load("\n".join(lines).encode(errors="surrogateescape"))

    assert result.stdout == summary(5, added=2, rejected=3)
    assert shop.rejected() == [
        (2, "The line has 2 cells, the header 3."),
        (4, "The line has 4 cells, the header 3."),
        (5, "The line is not UTF-8."),
    ]


def test_a_line_that_is_no_json_object_costs_itself_only(shop: Shop) -> None:
    bad = ["{", "[]", "5", '{"email": NaN}', "[" * 100_000, "x" * 5_000_000]
    good = [json.dumps({**ANN, "email": f"c{number}@example.com"}) for number, _ in enumerate(bad)]

    result = shop.load("\n\n".join(f"{first}\n{second}" for first, second in zip(good, bad, strict=True)))

    assert result.stdout == summary(12, added=6, rejected=6)
    assert [number for number, _ in shop.rejected()] == [2, 5, 8, 11, 14, 17]


FOREIGN: dict[str, list[str | bytes]] = {
    "these columns are not known: 'pasword_hash'": ["email,full_name,pasword_hash"],
    "these columns are not known: 'nickname'": [json.dumps({**ANN, "nickname": "hunter2"})],
    "the header names twice: email": ["email,full_name,password_hash,email"],
    "the header has no column email": ["full_name,password_hash"],
    "addresses are for NDJSON only": ["email,full_name,password_hash,addresses"],
    "the header is not CSV": ['email,"full_name,password_hash'],
    "does not begin with known columns": ["hunter2,ann@example.com"],
    "in UTF-16; save it in UTF-8": [f"{HEADER}\n{line('ann')}\n".encode("utf-16"), HEADER.encode("utf-16-be")],
    "an Excel workbook (.xlsx)": [b"PK\x03\x04\x14\x00\x06\x00\x08"],
    "compressed by gzip; decompress it first": [gzip.compress(HEADER.encode())],
    'its first line "sep="; delete that line': ["sep=;\nemail;full_name;password_hash\n"],
    "a JSON array": ["[" + " " * LONGEST, b'\xef\xbb\xbf\n [\n{"email": "ann@example.com"}\n]'],
    f"the first line has {LONGEST} characters or more": ["{" + " " * LONGEST],
}


@pytest.mark.parametrize("said", FOREIGN)
def test_a_file_that_is_none_of_ours_is_refused_at_once_by_what_it_is_and_what_to_do(shop: Shop, said: str) -> None:
    for content in FOREIGN[said]:
        begin = content.encode() if isinstance(content, str) else content

        result = shop.load(begin + f"\n{line('ann')}\n".encode())

        assert result.exit_code == 2
        assert said in result.stderr
        assert not any(row in result.output for row in ("hunter2", OLD_HASH))
    assert shop.customers() == []


def test_an_empty_file_is_no_fault_and_wrong_usage_does_nothing(shop: Shop) -> None:
    assert shop.load("\n").stdout == shop.load("").stdout == shop.load_csv(HEADER).stdout == summary(0)
    file = shop.folder / "customers"

    # The list of the rejected must not go over the file itself.
    assert shop.load_csv(HEADER, "x", options=("--rejected", str(file))).exit_code == 2
    assert file.read_text().startswith(HEADER)
    assert shop.run("import-customers", str(shop.folder / "none")).exit_code == 2
    # Nor be found out to be in no folder when rows are in.
    nowhere = shop.load_json(ANN, {}, options=("--rejected", str(shop.folder / "none" / "list")))
    assert (nowhere.exit_code, nowhere.stderr.startswith("Error: ")) == (1, True)
    assert shop.customers() == []


def test_a_full_disk_is_told_in_one_line(shop: Shop) -> None:
    result = shop.load_json({}, options=("--rejected", "/dev/full"))

    assert result.exit_code == 1
    assert result.stderr == "Error: output: No space left on device\n"


TEXTS = st.text() | st.text("ab.@-_+'\" \t\n\0\ud800ßé", max_size=80) | st.from_regex(r"[a-z.]{1,9}@[a-z.-]{1,9}\.co")
VALUES = TEXTS | st.integers(-1, 2) | st.booleans() | st.floats() | st.lists(TEXTS, max_size=1)
FIELDS = {
    **{column: NewCustomer().fields[column] for column in ("email", "full_name", "status", "password")},
    "group": NewGroup().fields["group_name"],
}


@pytest.mark.parametrize("column", FIELDS)
@settings(max_examples=100, deadline=None)
@given(value=VALUES)
@example("a@b.co ")
@example("ann@bücher.example")
@example("x" * 255)
@example("x" * 256)
@example("\x7f@example.com")
@example("Zu\u0308rich")
@example("password1")
@example("1")
def test_field_and_import_agree(column: str, value: Any) -> None:
    try:
        expected = f"{FIELDS[column].deserialize(value)}"
    except ValidationError as fault:
        expected = f"{column}: {' '.join(map(str, fault.messages))}"

    try:
        found = f"{rows.check(Record(1, {'email': 'ann@example.com', column: value}))[column]}"
    except rows.Rejected as fault:
        found = str(fault)

    assert found == expected
