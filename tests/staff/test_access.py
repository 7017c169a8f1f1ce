"""Who may see the pages, which forms are accepted, and what an error looks like."""

import re
from io import BytesIO
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, Account, MakeApp, log_in, new_client
from tests.support.builders import MISSING, address_of, browser_of
from tests.support.database import Db
from tests.support.html import Visitor, leads_to, rejected

LIST, GROUPS, LOGIN = "/admin/customers", "/admin/groups", "/admin/login"


def routes(app: Flask, wanted: str = "page") -> list[tuple[str, str]]:
    """Return the method and a path of each page that lets in whom is wanted."""
    return [
        (method, re.sub("<uuid:[a-z_]+>", MISSING, rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("staff.") and rule.endpoint != "staff.static"
        if app.view_functions[rule.endpoint].__dict__["notes"]["access"] == wanted
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


def test_only_the_login_needs_no_admin_and_no_page_is_in_the_openapi_document(app: Flask) -> None:
    accesses = {
        view.__dict__["notes"]["access"]
        for name, view in app.view_functions.items()
        if name.startswith("staff.") and name != "staff.static"
    }

    assert accesses == {"page", "public"}
    assert {path for _, path in routes(app, "public")} == {"/admin", LOGIN}
    documented = {path for path in app.extensions["openapi"]["paths"] if path.startswith("/admin")}
    assert documented == {"/admin/user/login", "/admin/user/logout"}


def test_anybody_but_an_admin_by_cookie_is_sent_to_the_login(app: Flask, customer: Account, admin: Account) -> None:
    by_header = browser_of(app)
    by_header.environ_base["HTTP_X_SESSION_ID"] = admin.sid

    for client in (browser_of(app), browser_of(app, customer), by_header):
        for method, path in routes(app):
            to = leads_to(client.open(path, method=method))
            assert to.startswith("/admin/login?next=/admin/"), path
            assert ("done=unsaved" in to) == (method == "POST")
            assert ("/admin/groups" in to) == path.startswith("/admin/groups")
            assert "Sign in" in client.get(to).text


def test_no_form_is_accepted_without_its_token_or_with_that_of_another_session(
    app: Flask, visitor: Visitor, make_app: MakeApp, customer: Account, db: Db
) -> None:
    before = db.all("SELECT email, full_name, status FROM customer")

    for path in (path.replace(MISSING, customer.uuid) for method, path in routes(app) if method == "POST"):
        answer = visitor.client.post(path, data={"status": "0", "email": customer.email})
        assert answer.status_code == 403, path
        assert "Go back, load the page again" in answer.text
    assert db.all("SELECT email, full_name, status FROM customer") == before
    for path in (path.replace(MISSING, customer.uuid) for method, path in routes(app) if method == "GET"):
        visitor.client.head(path, data={"email": customer.email, "group_name": "Friends"})
    assert db.all("SELECT email, full_name, status FROM customer") == before
    assert db.one("SELECT count(*) FROM customer_group") == {"count": 1}

    other = Visitor(app)
    other.sign_in()
    for token in ("", "x", "é", "A" * 43, other.get(GROUPS).forms[""]["token"]):
        assert visitor.send(GROUPS, group_name="Friends", token=token).status_code == 403
    renewed = Visitor(make_app(secret_key="another-secret-key-of-32-bytes!!", former_secret_keys=("k" * 32,)))
    renewed.take_cookie(visitor)
    assert leads_to(renewed.submit(visitor.get(GROUPS), "", GROUPS, group_name="Friends"))


def test_a_page_of_another_site_can_neither_sign_in_nor_change_anything(visitor: Visitor) -> None:
    data = {"email": "admin@example.com", "password": PASSWORD, **visitor.get(GROUPS).forms[""], "group_name": "X"}

    for path in (LOGIN, GROUPS):
        answer = visitor.client.post(path, data=data, headers={"Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, answer.mimetype, answer.headers.get("Set-Cookie")) == (403, "text/html", None)


def test_a_login_leads_back_to_the_page_asked_for_and_never_outside_the_pages(app: Flask, admin: Account) -> None:
    visitor = Visitor(app)
    to = leads_to(visitor.client.get(f"{LIST}?keyword=a%20b&page=2"))
    back = leads_to(visitor.submit(visitor.get(to), LOGIN, email=admin.email, password=PASSWORD))
    homes = {leads_to(visitor.client.get(path)) for path in ("/admin", "/admin/")}
    assert (back, homes) == (f"{LIST}?keyword=a%20b&page=2", {LIST})

    for wanted in (
        *("https://evil.example/", "//evil.example/admin/customers", "/\\evil.example", "javascript:alert(1)"),
        *("/admin/customers\\@evil.example", "/admin/customers/../../docs", "/admin/customersx", "/admin/logout"),
        *("/admin/user/logout", "/api/customers", "/admin/customers\r\nSet-Cookie: a=b", "/admin/customers#x", ""),
    ):
        again = visitor.client.get(LOGIN, query_string={"next": wanted})
        assert leads_to(Visitor(app).sign_in(admin.email, next=wanted)) == leads_to(again) == LIST


def test_every_failed_login_has_the_same_message(make_app: MakeApp, admin: Account, customer: Account, db: Db) -> None:
    visitor, said = Visitor(make_app(limit_free_attempts=1)), set()

    unknown = ("nobody@example.com", "no address", customer.email)
    for email, password in ((admin.email, "wrong"), ("", ""), *((each, PASSWORD) for each in (*unknown, admin.email))):
        db.execute("DELETE FROM attempt_counter")
        answer = visitor.sign_in(email, password)
        page = rejected(answer, 401)
        assert answer.headers["WWW-Authenticate"]
        assert "Set-Cookie" not in answer.headers
        assert (page.forms[LOGIN]["email"], page.forms[LOGIN]["password"]) == (email, "")
        said.add((*page.texts["title"], *page.texts["p"]))
        db.execute("UPDATE admin_user SET status = false")  # for the last one
    assert len(said) == 1

    for pause, told in ((50, "{} seconds"), (170, "3 minutes")):
        db.execute("UPDATE attempt_counter SET open_at = now() + make_interval(secs => %s)", pause)
        answer = visitor.sign_in(admin.email)
        wait = int(answer.headers["Retry-After"])
        assert pause - 40 < wait <= pause
        assert f"Too many failed attempts; try again in {told.format(wait)}." in rejected(answer, 429).texts["p"]


def test_signing_out_ends_the_admins_session_alone(app: Flask, visitor: Visitor, customer: Account) -> None:
    log_in(visitor.client, customer.email)
    replayed = Visitor(app)
    replayed.take_cookie(visitor)

    leads_to(visitor.send(LIST, "/admin/logout"))

    assert replayed.client.get(LIST).status_code == 303
    assert visitor.client.get("/api/customers/me").status_code == 200


def test_every_page_has_a_button_to_sign_out(app: Flask, visitor: Visitor, customer: Account, db: Db) -> None:
    address_of(customer)
    for table in ("customer", "customer_address"):
        db.execute(f"UPDATE {table} SET uuid = '{MISSING}'")
    db.execute(f"INSERT INTO customer_group (uuid, group_name) VALUES ('{MISSING}', 'Wholesale')")
    paths = [path for method, path in routes(app) if method == "GET"]

    assert len(paths) > 7
    for path in (*paths, f"/admin/groups/{customer.uuid}"):
        page = visitor.get(path, 404 if customer.uuid in path else 200)
        assert "token" in page.forms["/admin/logout"], path
        assert "Sign out" in page.texts["button"], path


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EDIT = f"/admin/customers/edit/{MISSING}"


def test_what_is_not_found_is_a_page_to_a_browser_among_the_pages(app: Flask, visitor: Visitor) -> None:
    for path in (EDIT, f"{EDIT}/delete", f"{EDIT}/addresses/new", f"{EDIT}/addresses/{MISSING}", f"{GROUPS}/{MISSING}"):
        assert visitor.get(path, 404).texts["h1"] == ["Not found"]
    for method, path, status, to_a_browser in (
        ("GET", "/admin/nothing", 404, "text/html"),
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
