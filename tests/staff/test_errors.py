"""Errors below the pages' paths are pages, everywhere else the envelope."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from customers.features.groups import service
from tests.conftest import new_client
from tests.support.html import Page, Visitor

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    "path",
    [
        f"/admin/customers/edit/{NOBODY}",
        f"/admin/customers/edit/{NOBODY}/delete",
        f"/admin/customers/edit/{NOBODY}/addresses/new",
        f"/admin/customers/edit/{NOBODY}/addresses/{NOBODY}",
        f"/admin/groups/{NOBODY}",
    ],
)
def test_what_is_not_there_is_a_page_with_404(visitor: Visitor, path: str) -> None:
    answer = visitor.client.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert Page(answer.text).texts["h1"] == ["Not found"]


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/admin/nothing", 404),
    ("GET", "/admin/customers/", 404),
    ("GET", "/admin/customers/edit/not-a-uuid", 404),
    ("GET", "/admin/logout", 405),
    ("DELETE", "/admin/customers", 405),
])  # fmt: skip
def test_where_no_page_is_a_browser_gets_a_page_and_a_program_the_envelope(
    app: Flask, method: str, path: str, status: int
) -> None:
    client = new_client(app)

    browser = client.open(path, method=method, headers=HTML)
    program = client.open(path, method=method, headers={"Accept": "*/*"})

    assert (browser.status_code, browser.mimetype) == (status, "text/html")
    assert (program.status_code, program.mimetype) == (status, "application/json")
    assert browser.headers.get("Allow") == program.headers.get("Allow")
    assert ("Allow" in program.headers) == (status == 405)


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/admin/user/login", 405), ("/admin/user/x", 404)])
def test_outside_of_the_pages_a_browser_gets_the_envelope(app: Flask, path: str, status: int) -> None:
    answer = new_client(app).get(path, headers=HTML)

    assert (answer.status_code, answer.mimetype) == (status, "application/json")


def test_a_body_that_is_too_large_is_a_page_with_413(visitor: Visitor) -> None:
    answer = visitor.client.post("/admin/groups", data={"group_name": "x" * (2**20 + 1)})

    assert (answer.status_code, answer.mimetype) == (413, "text/html")


def test_without_a_database_a_page_says_when_to_try_again(make_app: Callable[..., Flask], visitor: Visitor) -> None:
    down = Visitor(make_app(database_url="postgresql://127.0.0.1:1/none"))
    cookie = visitor.client.get_cookie("customers")
    assert cookie
    form = down.get("/admin/login")
    down.client.set_cookie("customers", cookie.value)

    answers = [
        down.client.get("/admin/customers"),
        down.submit(form, "/admin/login", email="admin@example.com", password="correct horse battery"),
    ]

    for answer in answers:
        assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (503, "text/html", "2")
        assert answer.headers["X-Request-ID"] in answer.text


def test_a_fault_of_ours_shows_the_request_id_and_nothing_of_the_cause(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(service, "list_all", fail)

    answer = visitor.client.get("/admin/groups", headers={"X-Request-ID": "find-me"})

    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "find-me" in answer.text
    assert "the cause" not in answer.text
    assert "the cause" in caplog.text


def test_the_stylesheet_may_be_kept_for_good_and_pages_never(visitor: Visitor) -> None:
    page = visitor.client.get("/admin/customers")
    (path,) = re.findall(r'href="(/admin-assets/[^"]+\.css)"', page.text)

    style = new_client(visitor.client.application).get(path)
    former = visitor.client.get(path.replace(path.split("/")[2], "0123456789abcdef"))
    missing = visitor.client.get("/admin-assets/x/secrets.css")

    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in style.headers
    assert former.headers["Cache-Control"] == "no-cache"
    assert former.data == style.data
    assert len(style.data) < 20_000
    assert missing.status_code == 404
    assert page.headers["Cache-Control"] == "no-store"
