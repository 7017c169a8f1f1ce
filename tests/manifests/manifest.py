"""Reading and validating manifests, by tools in a virtual environment of their own (`make test-manifests` makes it)."""

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

from customers.config import Settings
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
SETTINGS = {row.metadata["name"] for row in fields(Settings)}
ROLE = "customers_service"  # the one of role.sql, whose rights tests/db/test_role.py tests

_TOOLS = REPOSITORY / "build" / "manifests" / "bin"
_READ = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"


def validate(tool: str, *arguments: str | Path, stdin: str = "") -> str:
    """Run a tool, which must find no fault, and return what it said."""
    done = subprocess.run([_TOOLS / tool, *arguments], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(text: str) -> list[Any]:
    """Return the documents of a YAML text."""
    documents: list[Any] = json.loads(validate("python", "-c", _READ, stdin=text))
    return documents


def found(pattern: str, text: str) -> str:
    """Return the one group of a pattern in a text."""
    match = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert match, pattern
    return match[1]


def graceful_timeout() -> int:
    """Return for how many seconds gunicorn finishes the requests it has begun."""
    return int(found(r"^graceful_timeout = (\d+)\b", (REPOSITORY / "gunicorn.conf.py").read_text()))


def pinned(image: str) -> bool:
    """Return whether an image is named by its digest or by an exact version, which never becomes another one."""
    return bool(re.search(r"(@sha256:[0-9a-f]{64}|:v?\d+(\.\d+){1,2}(-[a-z0-9-]+)?)$", image)) and not (
        re.search(r"/(python|nginx|node):\d+\.\d+(-|$)", image)
    )
