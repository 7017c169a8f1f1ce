"""The shape of the code: who may import whom (CONTRIBUTING.md), and what nobody does."""

import ast
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

MODULES = sorted((REPOSITORY / "customers").rglob("*.py"))

# A file's name -> what its module must not import, as prefixes of full names.
FORBIDDEN = {
    "routes.py": ("sqlalchemy.text", "customers.passwords", "customers.database"),
    "service.py": ("flask", "marshmallow", "werkzeug", "sqlalchemy.text", "customers.api", "customers.auth"),
    "attempts.py": ("flask", "marshmallow", "werkzeug", "sqlalchemy.text", "customers.api", "customers.auth"),
    "sql.py": ("flask", "marshmallow", "werkzeug", "customers.passwords", "customers.ctx", "customers.config"),
    "schemas.py": ("flask", "sqlalchemy", "customers.database", "customers.ctx"),
}
PURE = (
    "identity.py",
    "passwords.py",
    "database.py",
    "ctx.py",
    "purge.py",
    "config.py",
    "metrics.py",
    "exporter.py",
)
PURE_FOLDERS = ("errors", "settings")


def imports(path: Path) -> set[str]:
    """Return the full names that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def reaches(names: set[str], prefix: str) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for name in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_run_from_routes_to_service_to_sql(path: Path) -> None:
    names, feature = imports(path), path.parent.name
    forbidden = list(FORBIDDEN.get(path.name, ()))
    if (path.name in PURE and feature == "customers") or feature in PURE_FOLDERS:
        forbidden.append("flask")

    for prefix in forbidden:
        assert not reaches(names, prefix), prefix
    for name in names:
        parts = name.split(".")
        if parts[0] != "customers" or len(parts) < 3:
            continue
        other, module = parts[1], parts[2]
        if path.name == "routes.py":
            assert module != "sql", "a route reaches the database through its service"
        if path.name == "service.py" and module == "service":
            assert other == feature, "an act calls another feature's statements, never another's act"
        if feature == "pages":
            assert module != "sql", "a page reaches the database through the services"
        if path.name == "sql.py":
            assert module not in ("service", "routes", "schemas")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_statements_write_their_columns_out_and_feed_no_hash_to_an_answer(path: Path) -> None:
    if not path.stem.endswith("sql"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text":
            (argument,) = node.args
            assert isinstance(argument, ast.Constant), "a statement is a constant"
            statement = str(argument.value)
            assert "SELECT *" not in statement
            assert "RETURNING *" not in statement
            returned = statement.rsplit("RETURNING", maxsplit=1)[-1] if "RETURNING" in statement else ""
            assert "password" not in returned


def test_no_module_is_longer_than_250_lines() -> None:
    files = [*MODULES, *sorted((REPOSITORY / "tests").rglob("*.py")), REPOSITORY / "app.py"]
    long = {path.name: len(path.read_text().splitlines()) for path in files}

    assert {name: length for name, length in long.items() if length > 250} == {}
