"""What holds for every answer, errors above all."""

import logging
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from customers.telemetry.logs import JsonFormatter
from tests.conftest import PASSWORD, Account, new_client
from tests.support.answers import refused
from tests.support.builders import CUSTOMERS, MISSING, NEW
from tests.support.client import CheckingClient
from tests.support.database import Db


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/api", "/api/customers/", "//api/customers", "/api//customers", "/docs/assets/",
     "/docs/assets/../__init__.py", "/docs/assets/..%2f__init__.py", "/docs/own/..%2f..%2fdocs.py", "/schema.sql"],
)  # fmt: skip
def test_an_unknown_path_is_a_404_in_the_envelope(client: CheckingClient, path: str) -> None:
    refused(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", CUSTOMERS, {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", f"{CUSTOMERS}/{MISSING}", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("GET", "/customer/login", {"POST", "OPTIONS"}),
        ("BREW", "/docs", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_ones(
    client: CheckingClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method)

    refused(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_an_error_has_the_documented_form(admin: Account) -> None:
    assert admin.client.get(f"{CUSTOMERS}/{MISSING}").get_json() == {
        "error": {"status": 404, "code": "customer_not_found", "message": "Customer not found"}
    }


@pytest.fixture
def broken(app: Flask, db: Db) -> Iterator[None]:
    """Have the database fail, with the row in its message, where a customer's name is Fail."""
    db.execute("ALTER TABLE customer ADD CONSTRAINT a_rule_of_the_shop CHECK (full_name <> 'Fail')")
    yield
    db.execute("ALTER TABLE customer DROP CONSTRAINT a_rule_of_the_shop")


@pytest.mark.usefixtures("broken")
def test_a_500_says_nothing_of_its_cause_which_is_in_the_log_under_the_requests_id_without_secrets(
    client: CheckingClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.post(CUSTOMERS, json={**NEW, "full_name": "Fail"}, headers={"X-Request-ID": "find-me"})

    assert response.get_json() == {
        "error": {"status": 500, "code": "internal_error", "message": "Something went wrong on our side"}
    }
    assert response.headers["X-Request-ID"] == "find-me"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = JsonFormatter().format(record)
    assert "a_rule_of_the_shop" in line
    assert NEW["email"] in line  # PostgreSQL repeats the row
    assert "$2b$" not in line
    assert PASSWORD not in line


def test_the_callers_request_id_is_kept_if_sane(client: CheckingClient) -> None:
    for sane in ("A.b_c-1", "x" * 128):
        assert client.get("/healthz", headers={"X-Request-ID": sane}).headers["X-Request-ID"] == sane


def test_another_is_replaced_by_one_of_its_own(client: CheckingClient) -> None:
    for insane in ("", "a b", "x" * 129, "é", "a;b", '"', "a\tb"):
        ids = {client.get("/healthz", headers={"X-Request-ID": insane}).headers["X-Request-ID"] for _ in range(2)}
        assert len(ids) == 2
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


@pytest.mark.parametrize("path", [CUSTOMERS, "/api/x", "/customer/x", "/customers", "/admin", "/session"])
def test_private_answers_are_not_stored(client: CheckingClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", CUSTOMERS, "/nowhere", "/openapi.json"])
def test_a_browser_makes_no_page_of_an_answer_that_is_none(client: CheckingClient, path: str) -> None:
    response = client.get(path)

    assert response.mimetype == "application/json"
    policy = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "sandbox"]
    assert response.headers["Content-Security-Policy"].split("; ") == policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_the_documentation_page_needs_nothing_from_elsewhere(client: CheckingClient) -> None:
    page = client.get("/docs")
    links = re.findall(r'(?:href|src)="([^"]*)"', page.text)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert len(links) >= 4
    for link in links:
        assert link.startswith("/")
        with client.get(link) as asset:
            assert asset.status_code == 200


def test_the_documentation_page_can_be_switched_off_and_the_document_stays(make_app: Callable[..., Flask]) -> None:
    client = new_client(make_app(docs=False))

    for path in ("/docs", "/docs/assets/swagger-ui.css", "/docs/own/docs.js"):
        refused(client.get(path), 404, "not_found")
    assert client.get("/openapi.json").status_code == 200
