"""Who may see the pages, and which forms are accepted."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import ADDRESS, PASSWORD, Account, log_in
from tests.support.builders import MISSING, browser_of
from tests.support.database import Db
from tests.support.html import Visitor, leads_to, rejected

LIST, GROUPS = "/admin/customers", "/admin/groups"


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Return whom each page lets in, its method, and a path of it."""
    return [
        (app.view_functions[rule.endpoint].__dict__["notes"]["access"], method, re.sub("<uuid:[a-z_]+>", MISSING, path))
        for rule, path in ((rule, rule.rule) for rule in app.url_map.iter_rules())
        if rule.endpoint.startswith("staff.") and rule.endpoint != "staff.static"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


def test_only_the_login_needs_no_admin_and_no_page_is_in_the_openapi_document(app: Flask) -> None:
    public = {path for access, _, path in routes(app) if access == "public"}

    assert public == {"/admin", "/admin/login"}
    assert {access for access, _, path in routes(app) if path not in public} == {"page"}
    documented = {path for path in app.extensions["openapi"]["paths"] if path.startswith("/admin")}
    assert documented == {"/admin/user/login", "/admin/user/logout"}


@pytest.mark.parametrize("who", ["anonymous", "customer", "admin by header"])
def test_anybody_but_an_admin_by_cookie_is_sent_to_the_login(
    app: Flask, customer: Account, admin: Account, who: str
) -> None:
    client = browser_of(app, *([customer] if who == "customer" else []))
    if who == "admin by header":
        client.environ_base["HTTP_X_SESSION_ID"] = admin.sid

    for access, method, path in routes(app):
        if access == "page":
            to = leads_to(client.open(path, method=method))
            assert to.startswith("/admin/login?next=/admin/"), path
            assert ("done=unsaved" in to) == (method == "POST")
            assert "Sign in" in client.get(to).text


def test_no_form_is_accepted_without_its_token(app: Flask, visitor: Visitor, customer: Account, db: Db) -> None:
    before = db.all("SELECT email, full_name, status FROM customer")

    for access, method, path in routes(app):
        if access == "page" and method == "POST":
            data = {"status": "0", "email": customer.email}
            answer = visitor.client.post(path.replace(MISSING, customer.uuid), data=data)
            assert answer.status_code == 403, path
            assert "Go back, load the page again" in answer.text

    assert db.all("SELECT email, full_name, status FROM customer") == before
    assert visitor.get(LIST)


def test_a_wrong_token_or_one_of_another_session_is_refused(app: Flask, visitor: Visitor) -> None:
    other = Visitor(app)
    other.sign_in()

    for token in ("", "x", "é", "A" * 43, other.get(GROUPS).forms[""]["token"]):
        assert visitor.send(GROUPS, group_name="Friends", token=token).status_code == 403


def test_a_form_loaded_before_a_change_of_the_key_is_accepted(visitor: Visitor, make_app: Callable[..., Flask]) -> None:
    page = visitor.get(GROUPS)
    renewed = Visitor(make_app(secret_key="another-secret-key-of-32-bytes!!", former_secret_keys=("k" * 32,)))
    renewed.take_cookie(visitor)

    assert leads_to(renewed.submit(page, "", GROUPS, group_name="Friends"))


def test_a_page_of_another_site_can_neither_sign_in_nor_change_anything(visitor: Visitor) -> None:
    data = {"email": "admin@example.com", "password": PASSWORD, **visitor.get(GROUPS).forms[""], "group_name": "X"}

    for path in ("/admin/login", GROUPS):
        answer = visitor.client.post(path, data=data, headers={"Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, answer.mimetype, answer.headers.get("Set-Cookie")) == (403, "text/html", None)


def test_a_login_leads_back_to_the_page_asked_for(app: Flask, admin: Account) -> None:
    visitor = Visitor(app)
    to = leads_to(visitor.client.get(f"{LIST}?keyword=a%20b&page=2"))

    answer = visitor.submit(visitor.get(to), "/admin/login", email=admin.email, password=PASSWORD)

    assert leads_to(answer) == f"{LIST}?keyword=a%20b&page=2"


@pytest.mark.parametrize("wanted", [
    "https://evil.example/", "//evil.example/admin/customers", "/\\evil.example", "/admin/customers\\@evil.example",
    "/admin/customers/../../docs", "/admin/customersx", "/admin/logout", "/admin/user/logout", "/api/customers",
    "javascript:alert(1)", "/admin/customers\r\nSet-Cookie: a=b", "/admin/customers#x", "",
])  # fmt: skip
def test_a_login_never_redirects_outside_the_pages(app: Flask, admin: Account, wanted: str) -> None:
    visitor = Visitor(app)

    answer = visitor.sign_in(admin.email, next=wanted)
    again = visitor.client.get("/admin/login", query_string={"next": wanted})

    assert leads_to(answer) == leads_to(again) == LIST


def test_every_failed_login_has_the_same_message(app: Flask, admin: Account, customer: Account, db: Db) -> None:
    db.execute(
        "INSERT INTO admin_user (status, email, password, full_name)"
        " SELECT false, 'off@example.com', password, 'Off' FROM admin_user"
    )
    unknown = ("nobody@example.com", "off@example.com", customer.email, "no address")

    said = set()
    for email, password in [(admin.email, "wrong password"), ("", ""), *((email, PASSWORD) for email in unknown)]:
        answer = Visitor(app).sign_in(email, password)
        page = rejected(answer, 401)
        assert answer.headers["WWW-Authenticate"]
        assert "Set-Cookie" not in answer.headers
        form = page.forms["/admin/login"]
        assert (form["email"], form["password"]) == (email, "")
        assert page.texts["title"][0].startswith("Error: ")
        said.add(tuple(page.texts["p"]))

    assert said == {("For the shop's staff.", "The e-mail address or the password is wrong.")}


@pytest.mark.parametrize(("pause", "told"), [(50, "{} seconds"), (170, "3 minutes")])
def test_a_login_over_the_limit_is_told_when_to_try_again(
    make_app: Callable[..., Flask], admin: Account, db: Db, pause: int, told: str
) -> None:
    visitor = Visitor(make_app(limit_free_attempts=1))
    rejected(visitor.sign_in(admin.email, "wrong password"), 401)
    db.execute("UPDATE attempt_counter SET open_at = now() + make_interval(secs => %s)", pause)

    answer = visitor.sign_in(admin.email)

    wait = int(answer.headers["Retry-After"])
    assert pause - 40 < wait <= pause
    alert = f"Too many failed attempts; try again in {told.format(wait)}."
    assert alert in rejected(answer, 429).texts["p"]
    assert "Set-Cookie" not in answer.headers


def test_signing_out_ends_the_admins_session_and_leaves_the_customers(
    app: Flask, visitor: Visitor, customer: Account
) -> None:
    log_in(visitor.client, customer.email)
    replayed = Visitor(app)
    replayed.take_cookie(visitor)

    assert "You have signed out." in visitor.follow(visitor.send(LIST, "/admin/logout")).texts["p"]

    assert replayed.client.get(LIST).status_code == 303
    assert visitor.client.get("/api/customers/me").status_code == 200


def test_after_an_ended_session_the_login_says_that_nothing_was_saved(visitor: Visitor, edit: str, db: Db) -> None:
    page = visitor.get(edit)
    db.execute("DELETE FROM login_session")

    login = visitor.follow(visitor.submit(page, edit, full_name="Other"))

    assert "the last change has not been made" in login.texts["p"][0]
    answer = visitor.submit(login, "/admin/login", email="admin@example.com", password=PASSWORD)
    assert leads_to(answer) == edit


def test_every_page_of_an_admin_has_a_button_to_sign_out(
    app: Flask, visitor: Visitor, customer: Account, db: Db
) -> None:
    customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
    for table in ("customer", "customer_address"):
        db.execute(f"UPDATE {table} SET uuid = '{MISSING}'")
    db.execute(f"INSERT INTO customer_group (uuid, group_name) VALUES ('{MISSING}', 'Wholesale')")

    paths = [path for access, method, path in routes(app) if access == "page" and method == "GET"]

    assert len(paths) > 7
    for path in (*paths, f"/admin/groups/{customer.uuid}"):
        page = visitor.get(path, 404 if customer.uuid in path else 200)
        assert "token" in page.forms["/admin/logout"], path
        assert "Sign out" in page.texts["button"], path
