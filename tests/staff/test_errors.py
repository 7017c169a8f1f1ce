"""Errors below the pages' paths are pages, everywhere else the envelope."""

import re
from io import BytesIO
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import MakeApp, new_client
from tests.support.builders import MISSING
from tests.support.database import Db
from tests.support.html import Visitor, leads_to

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EDIT, GROUPS = f"/admin/customers/edit/{MISSING}", "/admin/groups"


def test_what_is_not_found_is_a_page_to_a_browser_among_the_pages(app: Flask, visitor: Visitor) -> None:
    for path in (EDIT, f"{EDIT}/delete", f"{EDIT}/addresses/new", f"{EDIT}/addresses/{MISSING}", f"{GROUPS}/{MISSING}"):
        assert visitor.get(path, 404).texts["h1"] == ["Not found"]
    for method, path, status, to_a_browser in (
        ("GET", "/admin/nothing", 404, "text/html"),
        ("GET", "/admin/customers/", 404, "text/html"),
        ("GET", "/admin/customers/edit/not-a-uuid", 404, "text/html"),
        ("DELETE", "/admin/customers", 405, "text/html"),
        ("GET", "/nothing", 404, "application/json"),
        ("GET", "/admin/user/login", 405, "application/json"),
        ("GET", "/admin/user/x", 404, "application/json"),
    ):
        browser, program = (new_client(app).open(path, method=method, headers=accept) for accept in (HTML, {}))
        assert (browser.status_code, browser.mimetype) == (status, to_a_browser), path
        assert (program.status_code, program.mimetype) == (status, "application/json"), path
        assert browser.headers.get("Allow") == program.headers.get("Allow")


def test_a_form_over_the_limit_is_refused_whether_or_not_it_says_its_length(visitor: Visitor, db: Db) -> None:
    """Sent in chunks it was once cut off at the limit, and what had come until then was taken."""
    form = {**visitor.get(GROUPS).forms[""], "group_name": "Friends"}
    form["padding"] = "x" * (2**20 - len(urlencode({**form, "padding": ""})))
    longer = {**form, "padding": form["padding"] + "x"}

    def in_chunks(path: str, fields: dict[str, str]) -> TestResponse:
        body = BytesIO(urlencode(fields).encode())
        unknown_length = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        media = "application/x-www-form-urlencoded"
        return visitor.client.post(path, input_stream=body, content_type=media, environ_overrides=unknown_length)

    refused = [visitor.client.post(GROUPS, data=longer), in_chunks(GROUPS, longer), in_chunks("/admin/login", longer)]

    assert [answer.status_code for answer in refused] == [413, 413, 413]
    assert db.all("SELECT FROM customer_group WHERE customer_group_id <> 1") == []
    assert leads_to(in_chunks(GROUPS, form)) == f"{GROUPS}?done=group-created"


def test_without_a_database_a_page_asks_to_try_again(make_app: MakeApp, visitor: Visitor) -> None:
    down = Visitor(make_app(database_url="postgresql://127.0.0.1:1/none"))
    login = down.sign_in()
    down.take_cookie(visitor)

    for answer in (login, down.client.get("/admin/customers")):
        assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (503, "text/html", "2")
        assert answer.headers["X-Request-ID"] in answer.text


def test_an_error_shows_the_request_id_and_no_cause(
    visitor: Visitor, edit: str, db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    db.execute(  # an object is what the page expects
        "INSERT INTO audit_log (event, actor_kind, subject_kind, subject_uuid, details)"
        " SELECT 'status_changed', 'operator', 'customer', uuid, '5' FROM customer"
    )

    answer = visitor.client.get(edit, headers={"X-Request-ID": "find-me"})

    assert (answer.status_code, answer.mimetype, "find-me" in answer.text) == (500, "text/html", True)
    assert "TypeError" in caplog.text
    assert "TypeError" not in answer.text


def test_the_stylesheet_may_be_kept_if_it_is_asked_for_anew_and_pages_may_not(visitor: Visitor) -> None:
    page = visitor.client.get("/admin/customers")
    (path,) = re.findall(r'href="(/admin-assets/[^"]+\.css)"', page.text)

    with new_client(visitor.client.application).get(path) as style:
        assert (style.headers["Cache-Control"], "ETag" in style.headers) == ("no-cache", True)
    assert "Set-Cookie" not in style.headers
    assert visitor.client.get("/admin-assets/secrets.css").status_code == 404
    assert page.headers["Cache-Control"] == "no-store"
