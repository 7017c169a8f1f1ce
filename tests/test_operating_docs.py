"""docs/operations.md and docs/scaling.md are complete, and reckon rightly."""

import math
import re
from dataclasses import fields

from customers.config import Settings
from tests.conftest import REPOSITORY

OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
SCALING = (REPOSITORY / "docs" / "scaling.md").read_text()


def table(document: str, head: str) -> dict[str, list[str]]:
    """Return the rows of the table with this head line: first cell -> the others."""
    lines = document.split(f"{head}\n")[1].split("\n\n", maxsplit=1)[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {first: others for first, *others in cells}


def number(text: str) -> float:
    found = re.search(r"[\d,]+(\.\d+)?", text)
    assert found, text
    return float(found[0].replace(",", ""))


MEASURED = table(SCALING, "| measured | 1 worker | 2 workers |")
PLANNED = table(SCALING, "| planned with | figure |")
EXAMPLE = table(SCALING, "| | reckoned | so |")


def test_every_setting_is_spoken_of_by_when_to_touch_it() -> None:
    """What a setting means and its default is in the README, which is compared with the code."""
    told = table(OPERATIONS, "| setting | touch it when |")

    assert {f"`{row.metadata['name']}`" for row in fields(Settings)} == set(told)
    assert all(len(others) == 1 and others[0] for others in told.values())


def test_what_is_planned_with_is_not_less_than_what_was_measured() -> None:
    times = [name for name in MEASURED if name.startswith("processor time")]
    disk = table(SCALING, "| on the disk | table | indexes |")

    assert len(times) == 6
    for name in times:
        assert number(PLANNED[name][0]) >= max(map(number, MEASURED[name])), name
    for name, parts in disk.items():
        assert number(PLANNED[f"disk of {name}"][0]) >= sum(map(number, parts)), name
    base, each = (float(figure) for figure in re.findall(r"(\d+) MiB", PLANNED["memory of an instance"][0]))
    for workers, figure in enumerate(MEASURED["memory of the service, all processes"], start=1):
        assert base + workers * each >= number(figure)


def test_the_example_is_what_the_model_gives() -> None:
    rates = {"read": 500, "write": 50, "login": 1000 / 60}
    rows = {"customers": 10, "addresses": 15, "sessions": 3}

    def processors(of: str) -> float:
        used = (rate * number(PLANNED[f"processor time of a {kind}: {of}"][0]) for kind, rate in rates.items())
        return sum(used) / 1000 / 0.6

    size = sum(count * number(PLANNED[f"disk of a million {name}"][0]) for name, count in rows.items()) / 1024
    instances = math.ceil(processors("service") / 4) + 1
    assert number(EXAMPLE["processors of the service"][0]) == round(processors("service"), 1)
    assert EXAMPLE["instances of 4 processors, 4 workers each"][0] == f"{instances - 1} + 1"
    assert number(EXAMPLE["processors of PostgreSQL"][0]) == round(processors("PostgreSQL"), 1)
    assert number(EXAMPLE["connections"][0]) == instances * 4 * 10 + instances
    assert number(EXAMPLE["rows on the disk"][0]) == round(size, 1)
