"""A login here signs in on EverShop's pages, too: its row, its cookie, the guest's cart, pages on their way."""

import hashlib
import json
import re
from typing import Any

import bcrypt
import pytest
from flask import Flask

from tests.conftest import ADDRESS, PASSWORD, Account, log_in, new_client
from tests.evershop.conftest import Browse, Make, MakeApp
from tests.evershop.shop import customer_id, on_its_way, sessions, signed, signed_in
from tests.support.answers import data_of, refused
from tests.support.builders import ME, NEW, NEW_PASSWORD, reset_token
from tests.support.database import Db

KINDS = {"customer": ("sid", "customerID", 24, 720), "admin": ("asid", "userID", 1, 12)}  # hours, idle and in all


@pytest.mark.parametrize("kind", KINDS)
def test_a_login_makes_two_rows_and_two_cookies(
    make_app: MakeApp, accounts: dict[str, Account], db: Db, kind: str
) -> None:
    db.execute("DELETE FROM login_session")
    name, owner, idle, hours = KINDS[kind]
    account, visitor = accounts[kind], new_client(make_app(cookie_secure=True))
    table = {"customer": "customer", "admin": "admin_user"}[kind]

    response = visitor.post(account.login, json={"email": account.email, "password": PASSWORD})

    (row,) = sessions(db, kind)
    (header,) = [each for each in response.headers.getlist("Set-Cookie") if each.startswith(f"{name}=")]
    assert {f"{name}={signed(row['sid'])}", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    assert hashlib.sha256(row["sid"].encode()).digest() == row["evershop_digest"]
    assert data_of(response)["sid"] not in str(row)
    cookie, sess = visitor.get_cookie(name), json.loads(row["sess"])
    assert cookie
    assert cookie.expires
    for end, lasts in ((cookie.expires, hours), (row["expire"], idle), (row["expires_at"], idle)):
        assert abs((end - row["created_at"]).total_seconds() - lasts * 3600) < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", sess["cookie"].pop("expires"))
    flags = {"originalMaxAge": idle * 3_600_000, "secure": True, "httpOnly": True, "path": "/", "sameSite": "lax"}
    keys = {owner: db.one(f"SELECT {table}_id AS id FROM {table}")["id"], "customersSession": row["uuid"]}
    assert sess == {"cookie": flags, "notifications": [], **keys}
    data_of(visitor.post(account.login.replace("login", "logout")))
    assert visitor.get_cookie(name) is None
    assert db.all("SELECT FROM session") == db.all("SELECT FROM login_session") == []


@pytest.mark.parametrize("kind", KINDS)
def test_evershops_pages_know_who_signed_in_here_and_leave_the_row_and_the_cookies_as_they_are(
    browse: Browse, accounts: dict[str, Account], db: Db, kind: str
) -> None:
    db.execute("DELETE FROM login_session")
    account, browser = accounts[kind], browse(accounts[kind])
    db.execute("UPDATE session SET expire = expire - interval '30 minutes'")
    before, cookie = sessions(db, kind), browser.cookie(KINDS[kind][0])

    assert browser.visit({"customer": "/", "admin": "/admin"}[kind]) == {"email": account.email}

    after = sessions(db, kind)
    assert [row["sess"] for row in before] == [row["sess"] for row in after]
    assert after[0]["expire"] > before[0]["expire"], "EverShop touches the row"
    assert browser.cookie(KINDS[kind][0]) == cookie
    assert browser.who(kind) == {account.email}
    assert browser.who("admin" if kind == "customer" else "customer") == {None}


def test_a_guests_cart_and_new_orders_come_along_and_another_customers_never(
    browse: Browse, make_customer: Make, db: Db
) -> None:
    customer, other = make_customer(), make_customer()
    own, others = customer_id(db, customer), customer_id(db, other)
    db.execute("DELETE FROM login_session")
    browser = browse()
    browser.visit()
    guest = db.one("SELECT sid FROM session")["sid"]
    cart = "INSERT INTO cart (sid, status, customer_id) VALUES (%s, %s, %s)"
    order = 'INSERT INTO "order" (sid, order_number, created_at) VALUES (%s, %s, now() - %s::interval)'
    for active, whose in ((True, None), (True, own), (True, others), (False, None)):
        db.execute(cart, guest, active, whose)
    for age in ("59 minutes", "61 minutes"):
        db.execute(order, guest, age, age)

    browser.log_in(customer)

    new = sessions(db)[0]["sid"]
    assert browser.cookie() == signed(new)
    came = (new, own, 1, customer.email, "Ann Customer")
    found = "SELECT sid, customer_id, customer_group_id, customer_email, customer_full_name FROM cart ORDER BY cart_id"
    for _ in range(2):
        carts = [tuple(row.values()) for row in db.all(found)]
        assert carts == [came, came, (guest, others, None, None, None), (guest, None, None, None, None)]
        orders = db.all('SELECT sid FROM "order" ORDER BY order_id')
        assert [row["sid"] for row in orders] == [new, guest]
        assert browser.visit() == {"email": customer.email}  # a page writes the customer into the cart of its sid


@pytest.mark.parametrize("theirs", [False, True])
def test_a_login_in_a_browser_that_is_signed_in_ends_that_session_and_leaves_its_cart(
    browse: Browse, make_customer: Make, admin: Account, db: Db, theirs: bool
) -> None:
    """ASVS 5.0, 7.2.4."""
    one, two = make_customer(), make_customer()
    db.execute("DELETE FROM login_session")
    browser = browse(admin, *([] if theirs else [one]))
    if theirs:
        browser.visit(f"/google/{customer_id(db, one)}")
    old = [f"{name}={browser.cookie(name)}" for name in ("sid", "asid")]
    cart = signed_in(db)[0]
    db.execute("INSERT INTO cart (sid, status, customer_id) VALUES (%s, true, %s)", cart["sid"], customer_id(db, one))

    for account in (two, admin):
        browser.log_in(account)

    assert browser.visit() == {"email": two.email}
    assert [len(rows) for rows in (signed_in(db), sessions(db), sessions(db, "admin"))] == [1, 1, 1]
    assert db.one("SELECT sid FROM cart") == cart
    assert browser.shop.get("/api/graphql", old[0])[0]["email"] is None
    assert browser.shop.get("/api/admin/graphql", old[1])[0]["email"] is None


def test_a_page_on_its_way_during_a_login_does_not_overwrite_the_new_cookie(browse: Browse, customer: Account) -> None:
    browser = browse()
    browser.visit()

    with on_its_way(browser, "/slow"):
        browser.log_in(customer)

    assert browser.who() == {customer.email}


@pytest.mark.parametrize("guarded", [True, False])
def test_a_page_on_its_way_brings_no_session_back(browse: Browse, customer: Account, db: Db, guarded: bool) -> None:
    """Cause: it writes the session that it has read with ON CONFLICT. Without the guard, the next request ends it."""
    browser = browse(customer)
    replayed, before = browser.cookie() or "", len(signed_in(db))
    db.execute(f"ALTER TABLE session {'ENABLE' if guarded else 'DISABLE'} TRIGGER USER")

    with on_its_way(browser, "/slow?add"):
        data_of(browser.ours.post("/customer/logout"))
    db.execute("ALTER TABLE session ENABLE TRIGGER USER")

    browser.ours.set_cookie("sid", replayed)
    assert len(signed_in(db)) == before - guarded
    assert browser.shop.get("/api/graphql", f"sid={replayed}")[0]["email"] == (None if guarded else customer.email)
    refused(browser.ours.get(ME), 401, "not_authenticated")
    assert browser.who() == {None}


ESCAPED = [
    ("<b>bold</b> move", "&lt;b&gt;bold&lt;/b&gt; move"),
    ('<a href="x">&amp;', '&lt;a href="x"&gt;&amp;'),
    *((unchanged, unchanged) for unchanged in ("1 < 2 > 0 <3 </>", "&lt;b&gt; as typed")),
]


@pytest.mark.parametrize(("password", "hashed"), ESCAPED)
def test_a_password_that_evershop_has_escaped_before_it_was_hashed_signs_in(
    app: Flask, customer: Account, db: Db, password: str, hashed: str
) -> None:
    for stored in (hashed, password):
        db.execute("UPDATE customer SET password = %s", bcrypt.hashpw(stored.encode(), bcrypt.gensalt(4)).decode())
        log_in(new_client(app), customer.email, password)
        for wrong in (f"{password}x", f"<i>{password}"):
            body = {"email": customer.email, "password": wrong}
            refused(new_client(app).post("/customer/login", json=body), 401, "invalid_credentials")


def test_both_sides_agree_after_each_request_of_the_storefront(browse: Browse, make_app: MakeApp, db: Db) -> None:
    """It sends JSON, and looks at whether the answer is ok, has an error, and at its data."""
    browser, email = browse(app=make_app(smtp_url="smtp://127.0.0.1:9")), "b@example.com"

    def send(call: str, body: object = None) -> dict[str, Any]:
        method, path = call.split()
        headers = {"Content-Type": "application/json", "X-Locale": "en", "Sec-Fetch-Site": "same-origin"}
        answer = browser.ours.open(path, method=method, data=body and json.dumps(body), headers=headers)
        assert answer.status_code < 300, answer.text
        assert "error" not in answer.get_json()
        found: dict[str, Any] = answer.get_json()["data"]
        return found

    account = Account(browser.ours.application, send("POST /api/customers", NEW)["uuid"], email, "")
    send("POST /customer/login", {"email": NEW["email"], "password": PASSWORD, "redirect": "/"})
    assert browser.who() == {NEW["email"]}
    assert send(f"PATCH {ME}", {"full_name": "Ann B", "email": email})["email"] == email
    assert browser.who() == {email}
    address = f"{ME}/addresses/{send(f'POST {ME}/addresses', {**ADDRESS, 'is_default': True})['uuid']}"
    assert send(f"PATCH {address}", {**ADDRESS, "city": "X"})
    assert send(f"DELETE {address}")
    send("POST /api/customers/reset-password", {"email": email})
    send("POST /api/customers/password", {"password": NEW_PASSWORD, "token": reset_token(db, account)})
    assert browser.who() == {None}
    send("POST /customer/login", {"email": email, "password": NEW_PASSWORD})
    assert browser.who() == {email}
    send("POST /customer/logout")
    assert browser.who() == {None}
    assert db.all("SELECT FROM customer WHERE full_name IS NULL OR created_at IS NULL") == []
