"""docs/security.md tells the truth: every item of ASVS 5.0, levels 1 and 2, has a test that exists, or a reason.

`asvs.txt` has the numbers of the items, each with its level, as OWASP published them in version 5.0.0.
"""

import ast
import re
from typing import NamedTuple

import pytest

from tests.conftest import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "security.md").read_text()
ITEMS = {
    number: int(level)
    for number, level in (
        item.split("/") for item in (REPOSITORY / "tests" / "asvs.txt").read_text().split()
    )
}  # fmt: skip
REASONS = ("Deviation: ", "Left to nginx: ", "Left to the operator: ", "Not applicable: ", "Documented: ")


class Row(NamedTuple):
    item: str
    level: str
    asks: str
    how: str
    proof: str


ROWS = [
    Row(*(cell.strip() for cell in line.strip("|").split(" | ")))
    for line in DOCUMENT.splitlines()
    if re.match(r"\| \d+\.\d+\.\d+ \|", line)
]


def there() -> set[str]:
    """Return the tests there are, as pytest names them, without parameters."""
    found = set()
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(f"{path.relative_to(REPOSITORY)}::{node.name}")
    return found


TESTS = there()


def test_the_numbers_are_those_of_the_standard() -> None:
    """OWASP counts 70 items of level 1, and 183 of level 2."""
    levels = list(ITEMS.values())

    assert (levels.count(1), levels.count(2)) == (70, 183)


def test_every_item_of_a_chapter_that_applies_has_one_row() -> None:
    absent = set(re.findall(r"^\| V(\d+) \| \S", DOCUMENT, re.MULTILINE))

    assert absent
    assert sorted(row.item for row in ROWS) == sorted(item for item in ITEMS if item.split(".")[0] not in absent)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.item)
def test_a_row_names_a_test_that_exists_or_a_reason(row: Row) -> None:
    assert row.level == str(ITEMS[row.item])
    assert row.asks
    assert row.how
    named = [] if row.proof == "-" else row.proof.split(", ")
    for name in named:
        assert name in TESTS, name
    assert named or row.how.startswith(REASONS)
    if row.how.startswith("Documented: "):
        assert re.search(r"\]\([^)]*#[a-z-]+\)", row.how), "it says where"
