"""What the documents name exists: links, files, commands, settings, metrics, endpoints, error codes, tests."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask

from customers import errors
from customers.config import Settings
from customers.telemetry import metrics
from tests.conftest import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FOLDERS = "app|clients|customers|deploy|dev|docs|tests"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*[\w/]|[\w-]+\.(?:py|sql|toml|md))(?:::\w+)?`")
FILES = {each.name for folder in FOLDERS.split("|") for each in (REPOSITORY / folder).rglob("*.*")}
HISTORY = {"CHANGELOG.md", "decisions.md"}  # may name what is no more
of_each = pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.name not in HISTORY], ids=lambda path: path.name
)


def headings(path: Path) -> set[str]:
    """Return the names by which the headings of a document can be linked to, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def links(path: Path) -> list[str]:
    """Return the links of a document that lead to this repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", path.read_text()))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def test_every_link_leads_somewhere_and_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [REPOSITORY / "README.md"]
    while waiting:
        path = waiting.pop()
        reached.add(path)
        for target in links(path):
            name, _, heading = target.partition("#")
            there = (path.parent / name).resolve() if name else path
            assert there.exists(), f"{path.name}: {target}"
            assert not heading or heading in headings(there), f"{path.name}: {target}"
            if there.suffix == ".md" and there not in reached:
                waiting.append(there)

    assert set(DOCUMENTS) <= reached


@of_each
def test_every_file_command_setting_and_metric_that_is_named_exists(app: Flask, path: Path) -> None:
    """A file by its path in the repository, in the document's own folder, or, without a folder, by its name alone."""
    text = path.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    options = {option for command in app.cli.commands.values() for each in command.params for option in each.opts}
    settings = {row.metadata["name"] for row in fields(Settings)} | {"CUSTOMERS_TEST_DATABASE_URL"}
    exposed = set(re.findall(r"^# TYPE (\w+)", metrics.exposition().decode(), re.MULTILINE))
    exposed |= set(re.findall(r'"(customers_\w+)"', (REPOSITORY / "customers" / "http" / "health.py").read_text()))
    # Tables and functions of the database, cookies and loggers have such names, too.
    others = set(re.findall(r"customers_\w+", (REPOSITORY / "schema.sql").read_text()))

    files = set(PATH.findall(text)) - FILES
    assert [name for name in files if not any((place / name).exists() for place in (REPOSITORY, path.parent))] == []
    assert set(re.findall(r"\bflask ([a-z]+(?:-[a-z]+)*)", text)) <= set(app.cli.commands)
    assert set(re.findall(r"(?:^|`|&& )make ([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE)) <= targets
    for line in re.findall(r"\bflask [a-z]+-?[a-z]*([^`|\n]*)", text):
        assert set(re.findall(r"(?<=\s)--[a-z-]+", line)) <= options, line
    assert set(re.findall(r"\bCUSTOMERS_[A-Z_]+\b", text)) <= settings
    named = set(re.findall(r"`(customers_[a-z_]+)`", text)) - others
    assert {re.sub("_(bucket|sum|count|total|info)$", "", name) for name in named} <= {
        re.sub("_(total|info)$", "", name) for name in exposed
    }


def test_the_api_document_lists_all_endpoints_and_error_codes(app: Flask) -> None:
    text = re.sub("{[a-z_]+}", "{}", (REPOSITORY / "docs" / "api.md").read_text())
    endpoints = text.split("| endpoint |")[1].split("\n\n")[0]
    codes = text.split("| status | codes |")[1].split("\n\n")[0]

    assert {
        (method, path)
        for methods, path in re.findall(r"((?:`[A-Z]+`, )*`[A-Z]+) (/[^`]+)`", endpoints)
        for method in re.findall(r"[A-Z]+", methods)
    } == {
        (method, re.sub("<[^>]+>", "{}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/docs/", "/admin-assets")) and not rule.endpoint.startswith("staff.")
    }
    rows = [row.split("|") for row in codes.splitlines()[2:]]
    named = {(int(row[1]), code) for row in rows for code in re.findall("`([a-z_]+)`", row[2])}
    assert named == {
        (error.status, error.code)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.ServiceError)
    }


def test_every_setting_is_in_its_table_once_with_its_default() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", (REPOSITORY / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    defaults = {row.metadata["name"]: row.default for row in fields(Settings)}
    cookies = [Settings(secret_key="k" * 32, cookie_secure=secure).cookie for secure in (True, False)]

    written = {
        name: "none" if default is None or default in ("", (), frozenset()) else f"`{default}`"
        for name, default in defaults.items()
    }
    # What no value can say: the default is missing, of this machine, or follows from another setting.
    written |= {
        "CUSTOMERS_DATABASE_URL": "needed",
        "CUSTOMERS_SECRET_KEY": "needed",
        "CUSTOMERS_WORKERS": "the processors",
        "CUSTOMERS_COOKIE_NAME": "`{}`, or `{}`".format(*cookies),
    }
    assert sorted(rows) == sorted(
        (name, text.replace("True", "true").replace("False", "false")) for name, text in written.items()
    )


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", "".join(path.read_text() for path in DOCUMENTS)))

    files = {path: path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert [(name, test) for name, test in named if f"def {test}(" not in files.get(REPOSITORY / name, "")] == []
