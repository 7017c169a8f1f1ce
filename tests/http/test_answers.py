"""What holds for every answer, errors above all."""

import logging
import re
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import Client

from customers.telemetry.logs import JsonFormatter
from tests.conftest import PASSWORD, Account, new_client
from tests.support.answers import refused
from tests.support.builders import CUSTOMERS, MISSING, NEW
from tests.support.client import CheckingClient
from tests.support.database import Db


def test_an_unknown_path_is_a_404_and_a_wrong_method_a_405_that_names_the_right_ones(
    client: CheckingClient, admin: Account
) -> None:
    for path in ("/", "/nowhere", "/api/customers/", "/docs/assets/", "/docs/assets/../__init__.py",
                 "/docs/assets/..%2f__init__.py", "/docs/own/..%2f..%2fdocs.py", "/schema.sql"):  # fmt: skip
        refused(client.get(path), 404, "not_found")
    for path in ("//api/customers", "//admin/customers", "//healthz"):
        assert Client(client.application).get("/", environ_overrides={"PATH_INFO": path}).status_code == 404
    for method, path, allowed in (
        ("PUT", CUSTOMERS, {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", f"{CUSTOMERS}/{MISSING}", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("TRACE", "/customer/login", {"POST", "OPTIONS"}),
    ):
        response = client.open(path, method=method)
        refused(response, 405, "method_not_allowed")
        assert set(response.headers["Allow"].split(", ")) == allowed
    error = {"status": 404, "code": "customer_not_found", "message": "Customer not found"}
    assert admin.client.get(f"{CUSTOMERS}/{MISSING}").get_json() == {"error": error}


def test_a_500_says_its_cause_in_the_log_alone(
    client: CheckingClient, db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    # PostgreSQL repeats the row in its message.
    db.execute("ALTER TABLE customer ADD CONSTRAINT a_rule_of_the_shop CHECK (full_name <> 'Fail')")
    try:
        response = client.post(CUSTOMERS, json={**NEW, "full_name": "Fail"}, headers={"X-Request-ID": "find-me"})
    finally:
        db.execute("ALTER TABLE customer DROP CONSTRAINT a_rule_of_the_shop")

    assert response.get_json() == {
        "error": {"status": 500, "code": "internal_error", "message": "Something went wrong on our side"}
    }
    assert response.headers["X-Request-ID"] == "find-me"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = JsonFormatter().format(record)
    assert "a_rule_of_the_shop" in line
    assert NEW["email"] in line
    assert not re.search(rf"\$2b\$|{PASSWORD}", line)


def test_the_callers_request_id_is_kept_if_sane_and_else_replaced_by_a_new_one(client: CheckingClient) -> None:
    def answered(sent: str) -> str:
        return client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"]

    for sane in ("A.b_c-1", "x" * 128):
        assert answered(sane) == sane
    for insane in ("", "a b", "x" * 129, "é", "a;b", '"', "a\tb"):
        ids = {answered(insane), answered(insane)}
        assert len(ids) == 2
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_the_documentation_needs_nothing_from_elsewhere(client: CheckingClient, make_app: Callable[..., Flask]) -> None:
    page = client.get("/docs")
    links = re.findall(r'(?:href|src)="([^"]*)"', page.text)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert len(links) >= 4
    for link in links:
        assert link.startswith("/")
        with client.get(link) as asset:
            assert asset.status_code == 200
    without = new_client(make_app(docs=False))
    for path in ("/docs", *(link for link in links if link.startswith("/docs/"))):
        refused(without.get(path), 404, "not_found")
    assert without.get("/openapi.json").status_code == 200
