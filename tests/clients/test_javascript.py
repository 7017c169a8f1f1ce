"""The client for JavaScript: it knows the API as it is, and works against the service. Its guide tells the truth."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import PASSWORD, REPOSITORY, Account
from tests.support.service import Service, run

CLIENT = REPOSITORY / "clients" / "customers.js"
SCRIPTS = [CLIENT, REPOSITORY / "deploy" / "shop" / "shop.js", *(REPOSITORY / "customers").rglob("*.js")]
GUIDE = REPOSITORY / "docs" / "frontend.md"
PRELUDE = Path(__file__).parent / "guide.mjs"  # what its examples use

NODE = shutil.which("node") or ""
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


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_stores_anything_in_the_browser(script: Path) -> None:
    """ASVS 5.0, 14.3.3. The staff's pages have no script."""
    stores = r"localStorage|sessionStorage|indexedDB|document\.cookie|cookieStore|\bcaches\b|\.storage\b"

    assert re.findall(stores, script.read_text()) == []


@pytest.mark.skipif(not NODE, reason="node is not installed; the JavaScript client is tested where it is")
def test_the_examples_of_the_guide_and_the_javascript_client_work_against_the_service(
    database: str, admin: Account, tmp_path: Path, serve: Callable[..., Service]
) -> None:
    service = serve(database, CUSTOMERS_MAIL_DIRECTORY=str(tmp_path / "mail"))
    variables = {"CUSTOMERS_URL": service.base, "CUSTOMERS_MAIL_DIR": str(tmp_path / "mail"),
                 "CUSTOMERS_ADMIN": admin.email, "CUSTOMERS_ADMIN_PASSWORD": PASSWORD}  # fmt: skip
    examples = "".join(re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE))
    before, reset, after = examples.partition("const token = ")
    mail = 'await mailArrives();\nform.password = "another correct horse";\n'
    text = f"{PRELUDE.read_text()}{before}{mail}{reset}{after}console.log(JSON.stringify(shown));"
    script = tmp_path / "guide.mjs"
    script.write_text(
        text.replace('"http://127.0.0.1:8000"', "process.env.CUSTOMERS_URL").replace("./customers.js", CLIENT.as_uri())
    )

    guide, tests = (run(NODE, *args, **variables) for args in ([str(script)], ["--test", "clients/customers.test.js"]))

    assert (guide.returncode, guide.stderr) == (0, "")
    assert json.loads(guide.stdout) == [
        "password",
        "JOHN A. SMITH JR.",
        "If there is an account with this e-mail, a mail is on its way.",
        "1 to 1 of 1; next: null",
    ]
    assert tests.returncode == 0, tests.stdout
