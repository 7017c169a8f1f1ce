"""What holds for every answer, errors above all (CONTRACT section 4)."""

import logging
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from customers import answers
from customers.features.accounts import service
from customers.context import Context
from tests.support.client import CheckingClient
from tests.conftest import Account


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nowhere", "/api", "/api/customers/", "//api/customers", "/api//customers", "/api/customers/x/y"),
        *(
            "/docs/assets/",
            "/docs/assets/../__init__.py",
            "/docs/assets/..%2f__init__.py",
            "/docs/own/..%2f..%2fcli.py",
        ),
        *("/.git/config", "/app.py", "/schema.sql"),
    ],
)
def test_an_unknown_path_is_a_404_in_the_envelope(client: CheckingClient, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/customers", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/customers/00000000000000000000000000000001", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("GET", "/customer/login", {"POST", "OPTIONS"}),
        ("DELETE", "/healthz", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/docs", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/customer/login", {"POST", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_ones(
    client: CheckingClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method)

    assert (response.status_code, response.get_json()["error"]["code"]) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_an_error_has_the_documented_form(admin: Account) -> None:
    response = admin.client.get("/api/customers/00000000-0000-0000-0000-000000000001")

    assert response.get_json() == {
        "error": {"status": 404, "code": "customer_not_found", "message": "Customer not found"}
    }


def test_a_401_carries_a_challenge(client: CheckingClient) -> None:
    assert client.get("/api/customers").headers["WWW-Authenticate"] == 'Session realm="customers"'


def test_a_fault_says_nothing_of_its_cause_which_is_in_the_log_under_the_requests_id(
    admin: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(service, "read", fail)
    response = admin.client.get(
        "/api/customers/00000000-0000-0000-0000-000000000001", headers={"X-Request-ID": "find-me"}
    )

    assert response.get_json() == {
        "error": {"status": 500, "code": "internal_error", "message": "Something went wrong on our side"}
    }
    (record,) = [record for record in caplog.records if record.name == answers.__name__]
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert "the cause" in str(record.exc_info[1])
    assert response.headers["X-Request-ID"] == "find-me"


@pytest.mark.parametrize("sane", ["abc", "A.b_c-1", "x" * 128])
def test_the_callers_request_id_is_kept_if_sane(client: CheckingClient, sane: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": sane}).headers["X-Request-ID"] == sane


@pytest.mark.parametrize("insane", ["", " ", "a b", "x" * 129, "é", "a;b", '"', "{}", "a\tb"])
def test_another_is_replaced(client: CheckingClient, insane: str) -> None:
    answered = client.get("/healthz", headers={"X-Request-ID": insane}).headers["X-Request-ID"]

    assert answered != insane
    assert len(answered) == 32


def test_each_request_has_an_id_of_its_own(client: CheckingClient) -> None:
    assert len({client.get("/healthz").headers["X-Request-ID"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "path", ["/api/customers", "/api/x", "/customer/x", "/customers", "/admin", "/admin/customers"]
)
def test_private_answers_are_not_stored(client: CheckingClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/api/customers", "/nowhere", "/openapi.json"])
def test_a_browser_makes_no_page_of_an_answer_that_is_none(client: CheckingClient, path: str) -> None:
    response = client.get(path)

    assert response.mimetype == "application/json"
    assert response.headers["Content-Security-Policy"].split("; ") == [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox",
    ]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_head_and_options_are_answered_like_their_get(admin: Account) -> None:
    head = admin.client.head("/api/customers")
    options = admin.client.options("/api/customers")

    assert (head.status_code, head.data) == (200, b"")
    assert options.status_code == 200
    assert "POST" in options.headers["Allow"]


def test_health_and_readiness(client: CheckingClient) -> None:
    for path in ("/healthz", "/readyz"):
        response = client.get(path)
        assert (response.status_code, response.get_json()) == (200, {"data": {"status": "ok"}})


def test_the_documentation_page_needs_nothing_from_elsewhere(client: CheckingClient) -> None:
    page = client.get("/docs")
    links = [part.split('"')[0] for part in page.text.replace('href="', "\0").replace('src="', "\0").split("\0")[1:]]

    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert len(links) >= 4
    for link in links:
        assert link.startswith("/")
        asset = client.get(link)
        assert asset.status_code == 200
        asset.close()


def test_no_exception_text_holds_a_parameter(ctx: Context) -> None:
    """A failed statement's exception goes to the log; with SQLAlchemy's defaults it would repeat the hash."""
    with pytest.raises(IntegrityError) as caught, ctx.db.writing() as conn:
        conn.execute(
            text("INSERT INTO customer (email, password, group_id) VALUES ('a', :password, 99)"),
            {"password": "a-secret-hash"},
        )

    assert "a-secret-hash" not in str(caught.value)


def test_unknown_http_errors_keep_their_status(app: Flask) -> None:
    from werkzeug.exceptions import ImATeapot

    with app.test_request_context():
        response: Any = answers.answer(ImATeapot())

    assert response.status_code == 418
    assert response.get_json()["error"]["code"] == "im_a_teapot"
