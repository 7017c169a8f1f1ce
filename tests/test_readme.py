"""The README tells the truth: its settings, its error codes, its endpoints, its tour."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask

from customers import errors
from customers.config import Settings
from customers.errors import ServiceError
from tests.conftest import REPOSITORY
from tests.support.service import Service

README = (REPOSITORY / "README.md").read_text()
TOUR = re.findall(r"<!-- tour -->\n```sh\n(.*?)```\n\n```json\n(.*?)```", README, re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def test_the_settings_table_is_the_one_in_config() -> None:
    rows = re.findall(r"^\| `((?:CUSTOMERS_)?[A-Z_]+)` \| (.*) \| (.*) \|$", README, re.MULTILINE)

    table = [(row.metadata["name"], row.metadata["shown"], row.metadata["about"]) for row in fields(Settings)]
    assert rows == table


def test_the_error_codes_are_those_of_the_family() -> None:
    def leaves(family: type[ServiceError]) -> Iterator[type[ServiceError]]:
        yield family
        for member in family.__subclasses__():
            yield from leaves(member)

    table = README.split("| status | codes |")[1].split("\n\n")[0]
    told = {(int(status), code) for row in table.splitlines()
            for status, code in zip_codes(row)}  # fmt: skip

    assert told == {(error.status, error.code) for error in leaves(errors.ServiceError)}


def zip_codes(row: str) -> list[tuple[str, str]]:
    """Return the pairs of status and code in a row: one status for all its codes, or one for each."""
    cells = row.strip("| ").split(" | ")
    statuses = re.findall(r"\d{3}", cells[0])
    codes = re.findall(r"`([a-z_]+)`", cells[-1]) if len(cells) == 2 else []
    return list(zip(statuses * len(codes) if len(statuses) == 1 else statuses, codes, strict=False))


def test_the_endpoints_are_those_there_are(app: Flask) -> None:
    table = README.split("| endpoint | who | what |")[1].split("\n\n")[0]
    told = set()
    for row in table.splitlines()[2:]:
        for methods, path in re.findall(r"((?:`[A-Z]+`, )*`[A-Z]+) (/[^`]+)`", row.split(" | ")[0]):
            told |= {(method, path) for method in re.findall(r"[A-Z]+", methods)}

    there = {
        (method, re.sub("<[a-z]+:([a-z_]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/docs/") and not rule.endpoint.startswith("pages.")
    }
    assert told == there


def test_the_pages_are_those_there_are(app: Flask) -> None:
    table = README.split("| page | what |")[1].split("\n\n")[0]
    told = {path for row in table.splitlines() for path in re.findall(r"`(/[^`]+)`", row.split(" | ")[0])}

    there = {
        re.sub("<[a-z]+:([a-z_]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("pages.") and rule.rule.startswith("/admin/")
    }
    below = "/admin/customers/edit/{uuid}/"
    assert told == {path for path in there if not path.startswith(below) and not path.endswith("/delete")}


def test_the_commands_are_those_there_are(app: Flask) -> None:
    told = set(re.findall(r"^\| `flask ([a-z-]+)", README, re.MULTILINE))

    assert told == set(app.cli.commands) - {"openapi"}


def masked(text: str) -> str:
    return TIME.sub("TIME", UUID.sub("UUID", text)).strip()


@pytest.mark.parametrize("cost", ["10"])
def test_the_tour_gives_what_the_readme_says(tmp_path: Path, cost: str) -> None:
    assert len(TOUR) == 8
    service = Service(tmp_path / "log", CUSTOMERS_DATA_DIR=str(tmp_path / "data"), CUSTOMERS_BCRYPT_ROUNDS=cost)
    mark = "--- next ---"
    script = f"echo '{mark}'\n".join(commands.replace("http://127.0.0.1:8000", service.base) for commands, _ in TOUR)
    for name in ("customer.json", "login.json"):
        script = script.replace(name, str(tmp_path / name))
    script = script.replace(".data/", f"{tmp_path}/data/")

    try:
        done = subprocess.run(
            ["bash"], input=script, cwd=REPOSITORY, env=service.environment, capture_output=True, text=True, timeout=60,
            check=True,
        )  # fmt: skip
    finally:
        service.stop()

    assert done.stderr == ""
    parts = done.stdout.split(mark)
    for got, (_, told) in zip(parts, TOUR, strict=True):
        assert masked(got) == masked(told)
        for line in told.splitlines():
            assert not line.startswith("{") or json.loads(line)
