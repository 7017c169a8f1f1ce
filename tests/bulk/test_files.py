"""`flask import-customers`: files as they come."""

from pathlib import Path

import pytest

from tests.support.bulk import ANN, OLD_HASH, Shop, shop, summary

__all__ = ["shop"]

HEADER = "email,full_name,password_hash"


def line(name: str) -> str:
    return f"{name}@example.com,{name},{OLD_HASH}"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_a_byte_order_mark_and_blank_lines_do_not_matter(shop: Shop, ending: str, mark: bytes) -> None:
    text = ending.join(["", " Email ,FULL_NAME,password_hash", "", line("ann"), "", line("bob")])

    result = shop.load(mark + text.encode())

    assert (result.exit_code, result.stdout) == (0, summary(2, added=2))


def test_another_delimiter_and_standard_input_will_do(shop: Shop, tmp_path: Path) -> None:
    content = f"{HEADER}\n{line('ann')}\n".replace(",", ";").encode()

    result = shop.run("import-customers", "-", "--delimiter", ";", stdin=content)

    assert (result.exit_code, result.stdout) == (0, summary(1, added=1))


def test_an_unclosed_quote_costs_its_own_line_only(shop: Shop) -> None:
    result = shop.load_csv(HEADER, line("ann"), f'bob@example.com,"Bob,{OLD_HASH}', line("cy"), f'd,"D,{OLD_HASH}',
                           f'"eve@example.com","Eve","{OLD_HASH}"')  # fmt: skip

    assert result.stdout == summary(5, added=3, rejected=2)
    assert [number for number, _ in shop.rejected()] == [3, 5]
    assert all(reason.startswith("The line is not CSV") for _, reason in shop.rejected())


def test_cells_too_many_or_too_few_are_told(shop: Shop) -> None:
    result = shop.load_csv(HEADER, "a@example.com,A", line("ann"), line("bob") + ",more")

    assert result.stdout == summary(3, added=1, rejected=2)
    assert shop.rejected() == [(2, "The line has 2 cells, the header 3."), (4, "The line has 4 cells, the header 3.")]


def test_bytes_that_are_not_utf_8_cost_their_line_only(shop: Shop) -> None:
    csv = f"{HEADER}\n".encode() + "bob@example.com,Jürgen,".encode("latin-1") + f"{OLD_HASH}\n{line('ann')}\n".encode()

    result = shop.load(csv)

    assert result.stdout == summary(2, added=1, rejected=1)
    assert shop.rejected() == [(2, "The line is not UTF-8.")]


@pytest.mark.parametrize("content", ["x" * 200_000, "x" * 5_000_000])
def test_a_huge_cell_or_line_costs_itself_only(shop: Shop, content: str) -> None:
    result = shop.load_csv(HEADER, f"bob@example.com,{content},{OLD_HASH}", line("ann"))

    assert result.stdout == summary(2, added=1, rejected=1)
    assert [number for number, _ in shop.rejected()] == [2]


@pytest.mark.parametrize("bad", ["{", "[]", "5", '{"email": NaN}', "[" * 100_000, "x" * 5_000_000])
def test_a_line_that_is_no_json_object_costs_itself_only(shop: Shop, bad: str) -> None:
    good = f'{{"email": "ann@example.com", "full_name": "Ann", "password_hash": "{OLD_HASH}"}}'

    result = shop.load(f"{good}\n\n{bad}\n{good.replace('ann@', 'bob@')}")

    assert result.stdout == summary(3, added=2, rejected=1)
    assert [number for number, _ in shop.rejected()] == [3]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("email,full_name,pasword_hash", "these columns are not known: 'pasword_hash'"),
        ("email,full_name,password_hash,email", "the header names twice: email"),
        ("full_name,password_hash", "the header has no column email"),
        ("email,password_hash", "the header has no column full_name; --lenient"),
        ("email,full_name", "the header has no column password_hash or password; --without-passwords"),
        ("email,full_name,password_hash,addresses", "addresses are for NDJSON only"),
        ('email,"full_name,password_hash', "the header is not CSV"),
    ],
)
def test_a_file_with_a_wrong_header_is_refused_at_once(shop: Shop, header: str, said: str) -> None:
    result = shop.load_csv(header, line("ann"))

    assert result.exit_code == 2
    assert said in result.stderr
    assert shop.customers() == []


def test_a_file_without_a_header_is_refused_and_not_repeated(shop: Shop) -> None:
    result = shop.load_csv("ann@example.com,hunter2hunter2")

    assert result.exit_code == 2
    assert "does not begin with known columns" in result.stderr
    assert "hunter2" not in result.output


def test_ndjson_with_an_unknown_name_in_the_first_line_is_refused_at_once(shop: Shop) -> None:
    result = shop.load_json({**ANN, "nickname": "x"})

    assert result.exit_code == 2
    assert "'nickname'" in result.stderr


def test_an_empty_file_is_no_fault(shop: Shop) -> None:
    assert shop.load("").stdout == summary(0)
    assert shop.load_csv(HEADER).stdout == summary(0)


def test_the_rejects_never_go_over_the_file_itself(shop: Shop) -> None:
    result = shop.load_csv(HEADER, "x", options=("--rejected", str(shop.folder / "customers")))

    assert result.exit_code == 2
    assert (shop.folder / "customers").read_text().startswith(HEADER)


@pytest.mark.parametrize("options", [("--delimiter", ";;"), ("--delimiter", '"'), ("--format", "xml")])
def test_wrong_usage_exits_with_2(shop: Shop, options: tuple[str, ...]) -> None:
    assert shop.load_csv(HEADER, options=options).exit_code == 2


def test_a_file_that_is_not_there_is_wrong_usage(shop: Shop) -> None:
    assert shop.run("import-customers", str(shop.folder / "none")).exit_code == 2


@pytest.mark.parametrize("command", ["import-customers", "export-customers"])
def test_help_suffices(shop: Shop, command: str) -> None:
    result = shop.run(command, "--help")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) >= 20
