"""Five generators make clients of the OpenAPI document as it is: they compile, and their logout ends the session."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.generators import types
from tests.conftest import REPOSITORY
from tests.support.service import Service, environment

JOURNEYS = types.HERE / "journeys"
PYTHON = REPOSITORY / "build" / "clients" / "bin"
# By journey. openapi-generator is a program in Java, of a package for Python.
TYPESCRIPT = {
    "openapi_fetch": "openapi-typescript {document} --output openapi.d.ts",
    "hey_api": "openapi-ts -i {document} -o generated -c @hey-api/client-fetch",
    "orval": "orval --config orval.config.cjs",
    "typescript_fetch": "openapi-generator-cli generate -g typescript-fetch -i {document} -o generated",
}
OF_PYTHON = {
    "openapi_generator": "openapi-generator-cli generate -g python -i {document} -o .",
    "openapi_python_client": "openapi-python-client generate --path {document} --meta none --fail-on-warning "
    "--output-path generated",
}
# Of what is the same for every document: python-dateutil has no types, and openapi-python-client's are wrong.
MYPY = "[mypy]\nignore_missing_imports = true\n[mypy-generated.client]\nignore_errors = true\n"
STRICT = "--strict --skipLibCheck --target es2022 --lib es2022,dom,dom.iterable --module node16 --types node"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(types.document())
    return path


def run(folder: Path, *command: Any, **variables: str) -> str:
    """Return what a command writes to standard output; that of a failed one is the assertion's message."""
    env = environment(PATH=f"{types.BIN}:{PYTHON}:/usr/bin:/bin", **variables)
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_types_of_the_javascript_client_are_made_of_the_current_document(tmp_path: Path) -> None:
    types.write(tmp_path / "openapi.d.ts")

    assert types.TYPES.read_text() == (tmp_path / "openapi.d.ts").read_text(), "run `make types`"


def test_our_javascript_agrees_with_the_types_of_the_document() -> None:
    run(types.HERE, "tsc", "--project", "tsconfig.json")


@pytest.mark.parametrize("journey", TYPESCRIPT)
def test_a_generated_typescript_client_compiles_and_its_logout_ends_the_session(
    document: Path, service: Service, tmp_path: Path, journey: str
) -> None:
    (tmp_path / "node_modules").symlink_to(types.HERE / "node_modules")
    for name in ("journey", journey):
        (tmp_path / f"{name}.ts").write_text((JOURNEYS / f"{name}.ts").read_text())
    output = {"target": "generated/index.ts", "client": "fetch", "baseUrl": service.base}
    orval = {"customers": {"input": str(document), "output": output}}
    (tmp_path / "orval.config.cjs").write_text(f"module.exports = {json.dumps(orval)}")

    run(tmp_path, *TYPESCRIPT[journey].format(document=document).split())
    sources = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.ts") if "node_modules" not in path.parts]
    run(tmp_path, "tsc", *STRICT.split(), "--outDir", "out", *sources)
    printed = run(tmp_path, "node", f"out/{journey}.js", CUSTOMERS_URL=service.base)

    assert_signed_out(service, json.loads(printed))


@pytest.mark.parametrize("journey", OF_PYTHON)
def test_a_generated_python_client_has_its_types_and_its_logout_ends_the_session(
    document: Path, service: Service, tmp_path: Path, journey: str
) -> None:
    script = tmp_path / f"{journey}.py"
    script.write_text((JOURNEYS / script.name).read_text())
    (tmp_path / "mypy.ini").write_text(MYPY)

    run(tmp_path, *OF_PYTHON[journey].format(document=document).split())
    mypy = ("-m", "mypy", "--python-executable", PYTHON / "python", "--config-file", "mypy.ini")
    run(tmp_path, sys.executable, *mypy, script, PYTHONPATH=str(tmp_path))
    printed = run(tmp_path, PYTHON / "python", script, CUSTOMERS_URL=service.base, PYTHONPATH=str(tmp_path))

    assert_signed_out(service, json.loads(printed))


def assert_signed_out(service: Service, printed: dict[str, Any]) -> None:
    """Assert that a journey read and renamed its customer, and that its session has ended."""
    assert (printed["read"], printed["renamed"]) == ("Ann Customer", "Ann A. Customer")
    assert printed["after"] == 401
    assert service.call("GET", "/api/customers/me", headers={"X-Session-ID": printed["sid"]})[0] == 401
