"""The client for JavaScript: it knows the API as it is, and works against the service. Its guide tells the truth."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, REPOSITORY, Account
from tests.support.service import Service

CLIENT = REPOSITORY / "clients" / "customers.js"
SCRIPTS = [CLIENT, REPOSITORY / "deploy" / "shop" / "shop.js", *(REPOSITORY / "customers").rglob("*.js")]
GUIDE = REPOSITORY / "docs" / "frontend.md"
PRELUDE = Path(__file__).parent / "guide.mjs"  # what its examples use

NODE = shutil.which("node")
# For machines, and another name of a path that is there.
NOT_FOR_PAGES = {"/healthz", "/readyz", "/session", "/customer/logout"}


def test_the_javascript_client_calls_the_paths_there_are(app: Flask) -> None:
    called = re.findall(r'"(GET|POST|PATCH|DELETE) (/[^"]+)"', CLIENT.read_text())

    there = {
        (method.upper(), path)
        for path, operations in app.extensions["openapi"]["paths"].items()
        for method in operations
        if method != "parameters" and path not in NOT_FOR_PAGES
    }
    assert len(called) == len(set(called))
    assert set(called) == there


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.name))
def test_no_script_stores_anything_in_the_browser(script: Path) -> None:
    """ASVS 5.0, 14.3.3. The staff's pages have no script."""
    stores = r"localStorage|sessionStorage|indexedDB|document\.cookie|cookieStore|\bcaches\b|\.storage\b"

    assert re.findall(stores, script.read_text()) == []


@pytest.fixture
def node(database: str, admin: Account, tmp_path: Path, serve: Callable[..., Service]) -> Callable[..., str]:
    """Return a function that runs node against a service with an admin, and returns what it prints."""
    if NODE is None:
        pytest.skip("node is not installed; the JavaScript client is tested where it is")
    service = serve(database, CUSTOMERS_MAIL_DIRECTORY=str(tmp_path / "mail"), CUSTOMERS_WORKERS="1")
    where = {"CUSTOMERS_URL": service.base, "CUSTOMERS_MAIL_DIR": str(tmp_path / "mail")}
    env = {**service.environment, **where, "CUSTOMERS_ADMIN": admin.email, "CUSTOMERS_ADMIN_PASSWORD": PASSWORD}

    def run(*arguments: str | Path) -> str:
        output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run([NODE, *arguments], cwd=REPOSITORY, env=env, timeout=120, check=False, **output)
        assert done.returncode == 0, done.stdout
        return str(done.stdout)

    return run


def test_the_javascript_client_works_against_the_service(node: Callable[..., str]) -> None:
    node("--test", "clients/customers.test.js")


def test_the_examples_of_the_guide_work_one_after_the_other(node: Callable[..., str], tmp_path: Path) -> None:
    examples = "".join(re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE))
    before, reset, after = examples.partition("const token = ")
    mail = 'await mailArrives();\nform.password = "another correct horse";\n'
    text = f"{PRELUDE.read_text()}{before}{mail}{reset}{after}console.log(JSON.stringify(shown));"
    text = text.replace('"http://127.0.0.1:8000"', "process.env.CUSTOMERS_URL").replace(
        "./customers.js", CLIENT.as_uri()
    )
    script = tmp_path / "guide.mjs"
    script.write_text(text)

    shown = json.loads(node(script))

    assert shown == [
        "password",
        "JOHN A. SMITH JR.",
        "If there is an account with this e-mail, a mail is on its way.",
        "1 to 1 of 1; next: null",
    ]
