"""Who may see the pages, and which forms are accepted."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to

NOBODY = "00000000-0000-0000-0000-000000000001"
OTHER = "another-secret-key-of-32-bytes!!"


def access_of(app: Flask) -> dict[str, str]:
    """Return who may see each page, by URL rule."""
    return {
        rule.rule: app.view_functions[rule.endpoint].__dict__["notes"]["access"]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("staff.")
    }


def guarded(app: Flask) -> list[tuple[str, str]]:
    """Return every method and path of the pages that need an admin."""
    access = access_of(app)
    return [
        (method, re.sub("<uuid:[a-z_]+>", NOBODY, rule.rule))
        for rule in app.url_map.iter_rules()
        if access.get(rule.rule) == "page" and rule.endpoint.startswith("staff.")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_only_the_login_and_the_files_need_no_admin(app: Flask) -> None:
    access = access_of(app)

    open_to_all = {path for path, who in access.items() if who == "public"}
    assert open_to_all == {"/admin", "/admin/login", "/admin-assets/<digest>/<name>"}
    assert {who for path, who in access.items() if path not in open_to_all} == {"page"}


@pytest.mark.parametrize("who", ["anonymous", "customer", "admin by header"])
def test_anybody_but_an_admin_by_cookie_is_sent_to_the_login(
    app: Flask, customer: Account, admin: Account, who: str
) -> None:
    client = new_client(app)
    if who == "customer":
        client.post("/customer/login", json={"email": customer.email, "password": PASSWORD})
    if who == "admin by header":
        client.environ_base["HTTP_X_SESSION_ID"] = admin.sid

    paths = guarded(app)

    assert len(paths) > 20
    for method, path in paths:
        to = leads_to(client.open(path, method=method))
        assert to.startswith("/admin/login?next=/admin/"), path
        assert ("done=unsaved" in to) == (method == "POST")
        assert "Sign in" in client.get(to).text


def test_no_form_is_accepted_without_its_token(app: Flask, visitor: Visitor, customer: Account, db: Db) -> None:
    before = db.all("SELECT email, full_name, status FROM customer ORDER BY 1")

    for method, path in guarded(app):
        if method == "POST":
            refused = visitor.client.post(path.replace(NOBODY, customer.uuid), data={"status": "0", "email": "x@y.zz"})
            assert refused.status_code == 403, path
            assert "Go back, load the page again" in refused.text

    assert db.all("SELECT email, full_name, status FROM customer ORDER BY 1") == before
    assert visitor.get("/admin/customers")


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43])
def test_a_wrong_token_is_refused(visitor: Visitor, token: str) -> None:
    assert visitor.send("/admin/groups", group_name="Friends", token=token).status_code == 403


def test_a_token_of_another_session_is_refused(app: Flask, visitor: Visitor) -> None:
    other = Visitor(app)
    other.sign_in()

    mixed = visitor.submit(other.get("/admin/groups"), "", "/admin/groups", group_name="Friends")

    assert mixed.status_code == 403


def test_a_form_loaded_before_a_change_of_the_key_is_accepted(visitor: Visitor, make_app: Callable[..., Flask]) -> None:
    page = visitor.get("/admin/groups")
    renewed = Visitor(make_app(secret_key=OTHER, former_secret_keys=("k" * 32,)))
    renewed.sign_in()
    cookie = visitor.client.get_cookie("customers")
    assert cookie
    renewed.client.set_cookie("customers", cookie.value)

    assert leads_to(renewed.submit(page, "", "/admin/groups", group_name="Friends"))


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_a_page_of_another_site_can_neither_sign_in_nor_change_anything(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    data = {"email": "admin@example.com", "password": PASSWORD}
    page = visitor.get("/admin/groups")

    login = visitor.client.post("/admin/login", data=data, headers=headers)
    write = visitor.client.post("/admin/groups", data={**page.forms[""], "group_name": "Friends"}, headers=headers)

    assert (login.status_code, write.status_code) == (403, 403)
    assert "Set-Cookie" not in login.headers
    assert login.mimetype == write.mimetype == "text/html"


def test_a_login_leads_back_to_the_page_asked_for(app: Flask, admin: Account) -> None:
    visitor = Visitor(app)
    to = leads_to(visitor.client.get("/admin/customers?keyword=a%20b&page=2"))

    answer = visitor.submit(visitor.get(to), "/admin/login", email=admin.email, password=PASSWORD)

    assert leads_to(answer) == "/admin/customers?keyword=a%20b&page=2"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/admin/customers",
        "/\\evil.example",
        "/admin/customers\\@evil.example",
        "/admin/customers/../../docs",
        "/admin/customersx",
        "/admin/logout",
        "/admin/user/logout",
        "/api/customers",
        "javascript:alert(1)",
        "/admin/customers\r\nSet-Cookie: a=b",
        "/admin/customers#x",
        "",
    ],
)
def test_a_login_never_redirects_outside_the_pages(app: Flask, admin: Account, wanted: str) -> None:
    visitor = Visitor(app)

    answer = visitor.sign_in(admin.email, next=wanted)
    again = visitor.client.get("/admin/login", query_string={"next": wanted})

    assert leads_to(answer) == leads_to(again) == "/admin/customers"


def test_every_failed_login_has_the_same_message(app: Flask, admin: Account, customer: Account, db: Db) -> None:
    db.execute("INSERT INTO admin_user (status, email, password, full_name) "
               "SELECT false, 'off@example.com', password, 'Off' FROM admin_user")  # fmt: skip
    tried: list[tuple[str, Any]] = [
        (admin.email, "wrong password"),
        ("nobody@example.com", PASSWORD),
        ("off@example.com", PASSWORD),
        (customer.email, PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
    ]

    said = set()
    for email, password in tried:
        visitor = Visitor(app)
        answer = visitor.sign_in(email, password)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"]
        assert "Set-Cookie" not in answer.headers
        page = Page(answer.text)
        assert page.forms["/admin/login"]["email"] == email
        assert page.forms["/admin/login"]["password"] == ""
        assert page.texts["title"][0].startswith("Error: ")
        said.add(tuple(page.texts["p"]))

    assert said == {("For the shop's staff.", "The e-mail address or the password is wrong.")}


def test_signing_out_ends_the_admins_session_and_leaves_the_customers(
    app: Flask, visitor: Visitor, customer: Account
) -> None:
    visitor.client.post("/customer/login", json={"email": customer.email, "password": PASSWORD})
    cookie = visitor.client.get_cookie("customers")
    assert cookie

    to = leads_to(visitor.send("/admin/customers", "/admin/logout"))

    assert "You have signed out." in visitor.get(to).texts["p"]
    replayed = new_client(app)
    replayed.set_cookie("customers", cookie.value)
    assert replayed.get("/admin/customers").status_code == 303
    assert visitor.client.get("/api/customers/me").status_code == 200


def test_every_page_of_an_admin_has_a_button_to_sign_out(
    app: Flask, visitor: Visitor, customer: Account, db: Db
) -> None:
    customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
    for table in ("customer", "customer_address", "customer_group"):
        db.execute(f"UPDATE {table} SET uuid = '{NOBODY}'")

    paths = [path for method, path in guarded(app) if method == "GET"]

    assert len(paths) > 7
    for path in (*paths, f"/admin/groups/{customer.uuid}"):
        page = visitor.get(path, 404 if customer.uuid in path else 200)
        assert "token" in page.forms["/admin/logout"], path
        assert "Sign out" in page.texts["button"], path


def test_after_an_ended_session_the_login_says_that_nothing_was_saved(
    visitor: Visitor, customer: Account, db: Db
) -> None:
    path = f"/admin/customers/edit/{customer.uuid}"
    page = visitor.get(path)
    db.execute("DELETE FROM login_session")

    to = leads_to(visitor.submit(page, path, full_name="Other"))

    assert "the last change has not been made" in visitor.get(to).texts["p"][0]
    assert (
        leads_to(visitor.submit(visitor.get(to), "/admin/login", email="admin@example.com", password=PASSWORD)) == path
    )


def test_the_pages_can_be_switched_off(make_app: Callable[..., Flask]) -> None:
    client = new_client(make_app(pages=False))

    for path in ("/admin", "/admin/login", "/admin/customers", "/admin-assets/x/style.css"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "not_found")
    assert "/admin/user/login" in client.application.extensions["openapi"]["paths"]


def test_no_page_is_in_the_openapi_document(app: Flask) -> None:
    assert [path for path in app.extensions["openapi"]["paths"] if path.startswith("/admin")] == [
        "/admin/user/login",
        "/admin/user/logout",
    ]
