"""Reading and validating manifests, by tools in a virtual environment of their own (`make test-manifests` makes it)."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from app import create_app
from customers.config import Settings, load
from customers.db import migrate
from customers.db.engine import Database
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
    found = re.search(r"^graceful_timeout = (\d+)\b", (REPOSITORY / "gunicorn.conf.py").read_text(), re.MULTILINE)
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
    """Return whether an image is named by its digest or by an exact version, which never becomes another one."""
    return bool(re.search(r"(@sha256:[0-9a-f]{64}|:v?\d+(\.\d+){1,2}(-[a-z0-9-]+)?)$", image)) and not (
        re.search(r"/(python|nginx):\d+\.\d+(-|$)", image)
    )


def assert_restricted(make_database: Callable[[], str], url: str, options: str) -> None:
    """Assert that role.sql, run by the tables' owner with these options, makes a restricted role of a service's URL."""
    conninfo = make_database()
    settings = Settings(database_url=conninfo, secret_key="k" * 32)
    database = Database(settings)
    migrate.apply(database)
    database.close()
    role = urlsplit(url)
    with psycopg.connect(conninfo, autocommit=True) as owner:
        if owner.execute("SELECT FROM pg_roles WHERE rolname = 'customers_service'").fetchone():
            owner.execute("ALTER ROLE customers_service PASSWORD NULL")
    with psycopg.connect(conninfo, options=options) as owner:
        owner.execute((DEPLOY / "role.sql").read_bytes())
        row = owner.execute(
            """
            SELECT rolcanlogin, rolsuper, rolpassword IS NOT NULL,
                   has_table_privilege(rolname, 'customer', 'DELETE'),
                   has_table_privilege(rolname, 'audit_log', 'INSERT'),
                   has_table_privilege(rolname, 'audit_log', 'DELETE'),
                   has_table_privilege(rolname, 'admin_user', 'INSERT'), pg_has_role(rolname, current_user, 'MEMBER')
              FROM pg_authid
             WHERE rolname = %s
            """,
            [role.username],
        ).fetchone()
    assert role.password
    assert row == (True, False, True, True, True, False, False, False)


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
