"""Pages in tests: an admin's browser without a browser, and what holds for every page."""

import re
from html.parser import HTMLParser

from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, new_client
from tests.support.client import CheckingClient

PAGES = re.compile(r"/admin(?!/user/)(?:$|/.*)|/admin-assets/.*")
VOID = {"input", "img", "link", "meta", "hr", "br"}


class Page(HTMLParser):
    """What is in a page: its elements, its texts, its forms by action."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.forms: dict[str, dict[str, str]] = {}
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self._action: str | None = None
        self._select = ""
        self.feed(html)
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self._action = found.get("action", "")
            self.forms[self._action] = {}
        if self._action is None:
            return
        fields = self.forms[self._action]
        if tag == "input" and (found.get("type") != "checkbox" or "checked" in found):
            fields[found["name"]] = found.get("value", "")
        if tag == "select":
            self._select = found["name"]
        if tag == "option" and ("selected" in found or self._select not in fields):
            fields[self._select] = found["value"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "form":
            self._action = None

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.setdefault(self._open[-1], []).append(" ".join(data.split()))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Return the attributes of the elements of this tag that have these attributes."""
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]

    @property
    def faults(self) -> set[str]:
        """The fields beside which something is said, by the link that assistive technology follows."""
        wrong = [found for _, found in self.elements if found.get("aria-invalid") == "true"]
        return {found["id"] for found in wrong if f"{found['id']}-fault" in found["aria-describedby"].split()}


def check_page(response: TestResponse) -> None:
    """Assert what holds for every page, redirect, and file of the pages."""
    headers = response.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';")
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    if response.status_code not in (302, 303):
        assert response.mimetype in ("text/html", "text/css", "image/svg+xml")
        if response.mimetype == "text/html" and response.data:
            check_html(response)
    if response.status_code == 503:
        assert headers["Retry-After"]


def check_html(response: TestResponse) -> None:
    page = Page(response.text)
    assert "<script" not in response.text
    assert not [found for _, found in page.elements if any(name == "style" or name.startswith("on") for name in found)]
    # A text that a field cuts off can be another person's e-mail, or only the beginning of a password.
    assert not [found for _, found in page.elements if {"maxlength", "readonly"} & set(found)]
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))
    assert page.all("html")[0]["lang"] == "en"
    assert page.texts["title"]
    assert len(page.all("h1")) == 1
    assert page.all("a", href="#main", **{"class": "skip"})
    assert page.all("main", id="main")
    labelled = {found["for"] for found in page.all("label")}
    for tag, found in page.elements:
        if tag in ("select", "input") and found.get("type") != "hidden":
            assert found["id"] in labelled, found
        if found.get("name") == "password":  # masked, and a password manager may fill it in
            assert found["type"] == "password"
            assert found["autocomplete"] in ("current-password", "new-password")
        for name in ("aria-describedby", "aria-labelledby"):
            assert set(found.get(name, "").split()) <= set(ids), found
        if tag == "th":
            assert found["scope"] in ("col", "row")
        if tag == "form" and found.get("method") == "post":
            action = found.get("action", "")
            assert "token" in page.forms[action] or action == "/admin/login", action


class Visitor:
    """An admin's browser: a cookie jar, and forms that are sent as they were shown, but for what is typed."""

    def __init__(self, app: Flask) -> None:
        self.client: CheckingClient = new_client(app)

    def sign_in(self, email: str = "admin@example.com", password: str = PASSWORD, **more: str) -> TestResponse:
        return self.client.post("/admin/login", data={"email": email, "password": password, **more})

    def take_cookie(self, other: "Visitor") -> None:
        cookie = other.client.get_cookie("customers")
        assert cookie
        self.client.set_cookie("customers", cookie.value)

    def get(self, path: str, status: int = 200) -> Page:
        response = self.client.get(path)
        assert response.status_code == status, response.text
        return Page(response.text)

    def send(self, path: str, action: str | None = None, /, **typed: str) -> TestResponse:
        """Load a page and send its form of this action, by default the one that leads back to the page."""
        page = self.get(path)
        if action is None:
            action = path if path in page.forms else ""
        return self.submit(page, action, action or path, **typed)

    def follow(self, answer: TestResponse) -> Page:
        return self.get(leads_to(answer))

    def submit(self, page: Page, action: str, path: str = "", /, **typed: str) -> TestResponse:
        """Send a form of a page that has been loaded: to a path, if one is given, and else to the form's action."""
        return self.client.post(path or action, data={**page.forms[action], **typed})


def leads_to(response: TestResponse) -> str:
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def rejected(response: TestResponse, status: int, *fields: str) -> Page:
    """Assert that a form was shown again with this status, and which fields it finds fault with; return the page."""
    page = Page(response.text)
    assert (response.status_code, page.faults) == (status, set(fields))
    return page
