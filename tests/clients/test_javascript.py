"""The client for JavaScript: it knows the API as it is, and works against the service. Its guide tells the truth."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from customers.errors import ServiceError
from tests.conftest import PASSWORD, REPOSITORY
from tests.support.service import BIN, Service

CLIENT = REPOSITORY / "clients" / "customers.js"
SCRIPTS = [CLIENT, REPOSITORY / "deploy" / "shop" / "shop.js", *(REPOSITORY / "customers").rglob("*.js")]
GUIDE = REPOSITORY / "docs" / "frontend.md"

ADMIN = "admin@example.com"
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
def node(database: str, app: Flask, tmp_path: Path, serve: Callable[..., Service]) -> Callable[..., str]:
    """Return a function that runs node against a service with an admin, and returns what it prints."""
    if NODE is None:
        pytest.skip("node is not installed; the JavaScript client is tested where it is")
    mails = str(tmp_path / "mail")
    service = serve(database, CUSTOMERS_MAIL_DIRECTORY=mails)
    subprocess.run(
        [BIN / "flask", "create-admin", ADMIN, "--full-name", "Adam Admin", "--password-stdin"],
        cwd=REPOSITORY,
        env=service.environment,
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    where = {"CUSTOMERS_URL": service.base, "CUSTOMERS_MAIL_DIR": mails}
    admin = {"CUSTOMERS_ADMIN": ADMIN, "CUSTOMERS_ADMIN_PASSWORD": PASSWORD}

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [str(NODE), *arguments],
            cwd=REPOSITORY,
            env={**service.environment, **where, **admin},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def test_the_javascript_client_works_against_the_service(node: Callable[..., str]) -> None:
    node("--test", "clients/customers.test.js")


# What the guide's examples use: a page's fetch with its cookies, a form, a place to show texts, and the link of a mail.
PRELUDE = """
import { readdirSync, readFileSync } from "node:fs";

const real = globalThis.fetch;
let cookie = "";
globalThis.fetch = async (path, { credentials, headers, ...init } = {}) => {
  const sent = credentials === "omit" ? headers : { ...headers, Cookie: cookie };
  const answer = await real(new URL(path, process.env.CUSTOMERS_URL), { ...init, headers: sent });
  if (credentials !== "omit") cookie = answer.headers.get("Set-Cookie")?.split(";")[0] ?? cookie;
  return answer;
};
const shown = [];
const show = (text) => shown.push(text);
const showAtFields = (errors) => show(Object.keys(errors).join());
const askForPassword = async () => "correct horse battery";
const form = { email: "jane@example.com", password: "short", full_name: "Jane" };
const history = { replaceState() {} };
const location = { get hash() { return `#token=${mailed()}`; } };

function mailed() {
  const folder = process.env.CUSTOMERS_MAIL_DIR;
  const mails = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  const texts = mails.map((mail) => mail.replace(/=\\r?\\n/g, "").replaceAll("=3D", "="));
  return texts.map((text) => /token=([\\w-]{43})/.exec(text)?.[1]).find(Boolean);
}
"""
MAIL = """
for (const end = Date.now() + 20_000; !mailed() && Date.now() < end; ) await new Promise((go) => setTimeout(go, 20));
form.password = "another correct horse";
"""


def test_the_examples_of_the_guide_work_one_after_the_other(node: Callable[..., str], tmp_path: Path) -> None:
    examples = "".join(re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE))
    before, reset, after = examples.partition("const token = ")
    script = tmp_path / "guide.mjs"
    text = f"{PRELUDE}{before}{MAIL}{reset}{after}console.log(JSON.stringify(shown));"
    text = text.replace('"http://127.0.0.1:8000"', "process.env.CUSTOMERS_URL")
    script.write_text(text.replace("./customers.js", CLIENT.as_uri()))

    shown = json.loads(node(script))

    assert shown == [
        "password",
        "JOHN A. SMITH JR.",
        "If there is an account with this e-mail, a mail is on its way.",
        "1 to 1 of 1; next: null",
    ]


def test_the_guide_names_every_error_code() -> None:
    def members(family: type[ServiceError]) -> Iterator[type[ServiceError]]:
        yield family
        for member in family.__subclasses__():
            yield from members(member)

    told = re.findall(r"^\| (\d{3}) \| `([a-z_]+)` \|", GUIDE.read_text(), re.MULTILINE)

    assert len(told) == len(set(told))
    assert set(told) == {(str(each.status), each.code) for each in members(ServiceError)}
