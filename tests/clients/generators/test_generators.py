"""Five generators make clients of the OpenAPI document as it is: they compile, and their logout ends the session."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.generators import types
from tests.conftest import REPOSITORY
from tests.support.service import Service, environment

JOURNEYS = types.HERE / "journeys"
PYTHON = REPOSITORY / "build" / "clients" / "bin"
# Of what is the same for every document: python-dateutil has no types, and openapi-python-client's are wrong.
MYPY = "[mypy]\nignore_missing_imports = true\n[mypy-generated.client]\nignore_errors = true\n"
ENVIRONMENT = environment(PATH=f"{PYTHON}:/usr/bin:/bin")
STRICT = ("--strict", "--skipLibCheck", "--target", "es2022", "--lib", "es2022,dom,dom.iterable")
Generate = Callable[[Path, Path, str], None]


def run(*command: Any, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Return what a command writes to standard output; that of a failed one is the assertion's message."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---------------------------------------------------------------- our own JavaScript


def test_the_types_of_the_javascript_client_are_made_of_the_current_document(tmp_path: Path) -> None:
    types.write(tmp_path / "openapi.d.ts")

    assert types.TYPES.read_text() == (tmp_path / "openapi.d.ts").read_text(), "run `make types`"


def test_our_javascript_agrees_with_the_types_of_the_document(tmp_path: Path) -> None:
    options = {
        "allowJs": True,
        "checkJs": True,
        "noEmit": True,
        "strict": True,
        "skipLibCheck": True,
        "noUncheckedIndexedAccess": True,
        "target": "es2022",
        "lib": ["es2022", "dom", "dom.iterable"],
        "module": "esnext",
        "moduleResolution": "bundler",
        "types": ["node"],
        "typeRoots": [str(types.HERE / "node_modules" / "@types")],
        "rootDirs": [str(REPOSITORY / "clients"), str(REPOSITORY / "deploy" / "shop")],  # served side by side
    }
    files = [*(REPOSITORY / "clients").glob("*.js"), *(REPOSITORY / "deploy" / "shop").glob("*.js")]
    config = tmp_path / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": options, "files": [str(path) for path in files]}))

    run(types.BIN / "tsc", "--project", config, cwd=tmp_path)


# ---------------------------------------------------------------- what generators make


def _openapi_typescript(document: Path, folder: Path, _: str) -> None:
    run(types.BIN / "openapi-typescript", document, "--output", folder / "openapi.d.ts", cwd=folder)


def _hey_api(document: Path, folder: Path, _: str) -> None:
    run(types.BIN / "openapi-ts", "-i", document, "-o", folder / "generated", "-c", "@hey-api/client-fetch", cwd=folder)


def _orval(document: Path, folder: Path, url: str) -> None:
    output = {"target": str(folder / "generated" / "index.ts"), "client": "fetch", "baseUrl": url}
    config = folder / "orval.config.cjs"
    config.write_text(f"module.exports = {json.dumps({'customers': {'input': str(document), 'output': output}})}")
    run(types.BIN / "orval", "--config", config, cwd=folder)


def _openapi_generator(generator: str, output: str) -> Generate:
    def generate(document: Path, folder: Path, _: str) -> None:
        command = (PYTHON / "openapi-generator-cli", "generate", "-g", generator, "-i", document, "-o", folder / output)
        run(*command, cwd=folder, env=ENVIRONMENT)

    return generate


def _openapi_python_client(document: Path, folder: Path, _: str) -> None:
    command = ("openapi-python-client", "generate", "--path", document, "--meta", "none", "--fail-on-warning")
    run(PYTHON / command[0], *command[1:], "--output-path", folder / "generated", cwd=folder, env=ENVIRONMENT)


@pytest.mark.parametrize(
    ("generate", "journey"),
    [
        (_openapi_typescript, "openapi_fetch"),
        (_hey_api, "hey_api"),
        (_orval, "orval"),
        (_openapi_generator("typescript-fetch", "generated"), "typescript_fetch"),
    ],
    ids=["openapi-fetch", "hey-api", "orval", "openapi-generator-typescript-fetch"],
)
def test_a_generated_typescript_client_compiles_and_its_logout_ends_the_session(
    document: Path, service: Service, tmp_path: Path, generate: Generate, journey: str
) -> None:
    (tmp_path / "node_modules").symlink_to(types.HERE / "node_modules")
    for name in ("journey", journey):
        (tmp_path / f"{name}.ts").write_text((JOURNEYS / f"{name}.ts").read_text())

    generate(document, tmp_path, service.base)
    sources = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.ts") if "node_modules" not in path.parts]
    run(types.BIN / "tsc", *STRICT, "--module", "node16", "--types", "node", "--outDir", "out", *sources, cwd=tmp_path)
    printed = run("node", f"out/{journey}.js", cwd=tmp_path, env=environment(CUSTOMERS_URL=service.base))

    assert_signed_out(service, json.loads(printed))


@pytest.mark.parametrize(
    ("generate", "journey"),
    [(_openapi_generator("python", "."), "openapi_generator"), (_openapi_python_client, "openapi_python_client")],
    ids=["openapi-generator", "openapi-python-client"],
)
def test_a_generated_python_client_has_its_types_and_its_logout_ends_the_session(
    document: Path, service: Service, tmp_path: Path, generate: Generate, journey: str
) -> None:
    script = tmp_path / f"{journey}.py"
    script.write_text((JOURNEYS / f"{journey}.py").read_text())

    generate(document, tmp_path, service.base)
    env = environment(CUSTOMERS_URL=service.base, PYTHONPATH=str(tmp_path))
    (tmp_path / "mypy.ini").write_text(MYPY)
    mypy = ("-m", "mypy", "--python-executable", PYTHON / "python", "--config-file", "mypy.ini", script)
    run(sys.executable, *mypy, cwd=tmp_path)
    printed = run(PYTHON / "python", script, cwd=tmp_path, env=env)

    assert_signed_out(service, json.loads(printed))


def assert_signed_out(service: Service, printed: dict[str, Any]) -> None:
    """Assert that a journey read and renamed its customer, and that its session has ended."""
    assert (printed["read"], printed["renamed"]) == ("Ann Customer", "Ann A. Customer")
    assert printed["after"] == 401
    assert service.call("GET", "/api/customers/me", headers={"X-Session-ID": printed["sid"]})[0] == 401
