"""What the documents name exists: links, files, commands, settings, metrics, endpoints, error codes, tests.

So does what the dashboard and the alerts name.
"""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from customers import errors
from customers.config import Settings
from tests.conftest import REPOSITORY, new_client
from tests.http.test_access import ROUTES

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FOLDERS = "app|clients|customers|deploy|dev|docs|tests"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*[\w/]|[\w-]+\.(?:py|sql|toml|md))(?:::\w+)?`")
FILES = {each.name for folder in FOLDERS.split("|") for each in (REPOSITORY / folder).rglob("*.*")}
HISTORY = {"CHANGELOG.md", "decisions.md"}  # may name what is no more
of_each = pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.name not in HISTORY], ids=lambda path: path.name
)


def family(name: str) -> str:
    """Return the metric that a sample is one of."""
    return re.sub("_(bucket|sum|count)$", "", name)


@pytest.fixture
def exposed(app: Flask) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in text_string_to_metric_families(new_client(app).get("/metrics").text):
        for sample in one.samples:
            found.setdefault(family(sample.name), set()).update(sample.labels)
    # With several processes, prometheus-client leaves out times of creation and what it tells of its own process.
    return {name: labels for name, labels in found.items() if re.fullmatch("customers_.*(?<!_created)", name)}


def headings(path: Path) -> set[str]:
    """Return the names by which the headings of a document can be linked to, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", CODE.sub("", path.read_text())):
        name, _, heading = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert not heading or heading in headings(there), target


@of_each
def test_every_file_command_setting_and_metric_that_is_named_exists(
    app: Flask, exposed: dict[str, set[str]], path: Path
) -> None:
    """A file by its path in the repository, in the document's own folder, or, without a folder, by its name alone."""
    text = path.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    options = {option for command in app.cli.commands.values() for each in command.params for option in each.opts}
    settings = {row.metadata["name"] for row in fields(Settings)} | {"CUSTOMERS_TEST_DATABASE_URL"}
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
    assert set(map(family, named)) <= set(exposed)


def test_the_api_document_lists_all_endpoints_and_it_and_the_guide_all_error_codes() -> None:
    text = re.sub("{[a-z_]+}", "{}", (REPOSITORY / "docs" / "api.md").read_text())
    endpoints = text.split("| endpoint |")[1].split("\n\n")[0]
    codes = text.split("| status | codes |")[1].split("\n\n")[0]
    guide = (REPOSITORY / "docs" / "frontend.md").read_text()

    assert {
        f"{method} {path}"
        for methods, path in re.findall(r"((?:`[A-Z]+`, )*`[A-Z]+) (/[^`]+)`", endpoints)
        for method in re.findall(r"[A-Z]+", methods)
    } == {re.sub("<[^>]+>", "{}", route) for route in ROUTES}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)]
    rows = [row.split("|") for row in codes.splitlines()[2:]]
    named = [(row[1].strip(), code) for row in rows for code in re.findall("`([a-z_]+)`", row[2])]
    told = re.findall(r"^\| (\d{3}) \| `([a-z_]+)` \|", guide, re.MULTILINE)
    assert sorted(named) == sorted(told) == sorted({(str(kind.status), kind.code) for kind in kinds})


def test_every_setting_is_in_its_table_once_with_its_default() -> None:
    table = (REPOSITORY / "docs" / "settings.md").read_text()
    cookies = [Settings(secret_key="k" * 32, cookie_secure=secure).cookie for secure in (True, False)]
    texts = {"True": "`true`", "False": "`false`", **dict.fromkeys(("None", "", "()", "frozenset()"), "none")}
    written = {row.metadata["name"]: texts.get(str(row.default), f"`{row.default}`") for row in fields(Settings)}
    # What no value can say: the default is missing, of this machine, or follows from another setting.
    written |= {
        "CUSTOMERS_DATABASE_URL": "needed",
        "CUSTOMERS_SECRET_KEY": "needed",
        "CUSTOMERS_WORKERS": "the processors",
        "CUSTOMERS_COOKIE_NAME": "`{}`, or `{}`".format(*cookies),
    }

    assert sorted(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", table, re.MULTILINE)) == sorted(written.items())


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", "".join(path.read_text() for path in DOCUMENTS)))

    files = {path: path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert [(name, test) for name, test in named if f"def {test}(" not in files.get(REPOSITORY / name, "")] == []


def test_the_dashboard_and_the_alerts_name_all_metrics_and_only_labels_that_exist_and_the_document_explains_them(
    exposed: dict[str, set[str]],
) -> None:
    alerts = (REPOSITORY / "deploy" / "alerts.yaml").read_text()
    shown = (REPOSITORY / "deploy" / "grafana-dashboard.json").read_text() + alerts
    document = (REPOSITORY / "docs" / "metrics.md").read_text()
    labels = re.findall(r'(\w+)(?:=~|!=|=)\\?"', shown) + re.findall(
        r"\w+", " ".join(re.findall(r"by \((.*?)\)", shown))
    )

    documented = {family(name) for name in re.findall(r"^\| `(customers_\w+)`", document, re.MULTILINE)}
    assert set(map(family, re.findall(r"\bcustomers_\w+", shown))) == documented == set(exposed)
    assert set(labels) <= {"job", "instance"}.union(*exposed.values())  # the former two are of Prometheus itself
    assert re.findall(r"^### (\w+)", document, re.MULTILINE) == re.findall(r"- alert: (\w+)", alerts)
