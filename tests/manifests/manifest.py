"""Reading and validating manifests, by tools in a virtual environment of their own (`make test-manifests` makes it)."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from app import create_app
from customers.config import Settings, load
from tests.conftest import REPOSITORY

TOOLS = REPOSITORY / "build" / "manifests" / "bin"
DEPLOY = REPOSITORY / "deploy"

SETTINGS = {row.metadata["name"] for row in fields(Settings)}

_READ = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"


def read(text: str) -> list[Any]:
    """Return the documents of a YAML text."""
    done = subprocess.run([TOOLS / "python", "-c", _READ], input=text, capture_output=True, text=True, check=True)
    documents: list[Any] = json.loads(done.stdout)
    return documents


def validate(tool: str, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a validator on a file."""
    return subprocess.run([TOOLS / tool, *arguments, path], capture_output=True, text=True, check=False)


def graceful_timeout() -> int:
    """Return for how many seconds gunicorn finishes the requests it has begun."""
    found = re.search(r"^graceful_timeout = (\d+)$", (REPOSITORY / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def routes(variables: dict[str, str]) -> set[str]:
    """Return the paths that can be got from the service with these settings."""
    rules = create_app(load(variables)).url_map.iter_rules()
    return {rule.rule for rule in rules if "GET" in (rule.methods or ())}


def commands(variables: dict[str, str]) -> set[str]:
    """Return the names of the operator's commands."""
    return set(create_app(load(variables)).cli.commands)


def image_variables() -> dict[str, str]:
    """Return the variables that the image sets by itself."""
    text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    (block,) = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    return dict(pair.split("=", 1) for pair in block.split())


def image_user() -> list[int]:
    """Return the ids of the image's user and group."""
    found = re.search(r"^USER (\d+):(\d+)$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    return [int(part) for part in found.groups()]


def pinned(image: str) -> bool:
    """Return whether an image is named with a version."""
    _, _, tag = image.rpartition("/")[2].partition(":")
    return bool(re.search(r"\d", tag))


def find(document: Any, key: str) -> Iterator[Any]:
    """Return the values of a key, wherever it stands."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            yield from find(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from find(value, key)
