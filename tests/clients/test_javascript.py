"""The client for JavaScript: it knows the API as it is, and works against the service. Its guide tells the truth."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from customers.errors import LimitReached, ServiceError
from tests.conftest import PASSWORD, REPOSITORY
from tests.support.service import BIN, Service

CLIENT = REPOSITORY / "clients" / "customers.js"
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


@pytest.mark.skipif(NODE is None, reason="node is not installed; the JavaScript client is tested where it is")
def test_the_javascript_client_works_against_the_service(
    database: str, app: Flask, tmp_path: Path, serve: Callable[..., Service]
) -> None:
    assert NODE
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

    done = subprocess.run(
        [NODE, "--test", "clients/customers.test.js"],
        cwd=REPOSITORY,
        env={**service.environment, **where, **admin},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_guide_names_every_error_code() -> None:
    def members(family: type[ServiceError]) -> Iterator[type[ServiceError]]:
        yield family
        for member in family.__subclasses__():
            yield from members(member)

    told = re.findall(r"^\| (\d{3}) \| `([a-z_]+)` \|", GUIDE.read_text(), re.MULTILINE)

    assert len(told) == len(set(told))
    assert set(told) == {(str(each.status), each.code) for each in members(ServiceError) if each is not LimitReached}
