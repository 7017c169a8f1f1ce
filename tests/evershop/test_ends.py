"""However a session ends, on whichever side, it ends on both, at the next request."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from customers.http import context
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.evershop.conftest import Browse, Make, MakeApp
from tests.evershop.shop import Browser, command, customer_id, holding, on_its_way, sessions, signed_in, signed_in_there
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, NEW_PASSWORD, reset_token, session_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.html import Visitor
from tests.support.service import wait_until
from tests.support.threads import waiting_for_a_lock

CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
SAME = {"Sec-Fetch-Site": "same-origin"}
ORIGINS = pytest.mark.parametrize("theirs", [False, True], ids=["started here", "started by EverShop"])


def staff(browser: Browser, db: Db) -> Browser:
    """Return a browser after the admin has signed in there at EverShop."""
    browser.visit(f"/admin/login/{db.one('SELECT admin_user_id AS id FROM admin_user')['id']}")
    return browser


def disable(browser: Browser, customer: Account, db: Db) -> None:
    """Disable a customer as the grid of EverShop's admin panel does."""
    grid = staff(Browser(browser.ours.application, browser.shop), db)
    assert data_of(grid.ours.patch(customer.path, json={"status": 0}, headers=SAME))["status"] == 0


def reset(browser: Browser, customer: Account, db: Db) -> None:
    body = {"token": reset_token(db, customer), "password": NEW_PASSWORD}
    done(new_client(browser.ours.application).post("/api/customers/password", json=body))


# Each way to end one; tests/features/sessions/test_lifetimes.py has all acts that do.
ENDS: dict[str, Callable[[Browser, Account, Db], Any]] = {
    "logout here": lambda browser, _, db: done(browser.ours.post("/customer/logout")),
    "logout on EverShop's page": lambda browser, _, db: browser.visit("/customer/logout"),
    "an admin disables in EverShop's grid": disable,
    "EverShop disables": lambda browser, _, db: db.execute("UPDATE customer SET status = 0"),
    "EverShop deletes": lambda browser, _, db: db.execute("DELETE FROM customer"),
    "EverShop's row is deleted": lambda browser, _, db: db.execute("DELETE FROM session"),
    "the row here is deleted": lambda browser, _, db: db.execute("DELETE FROM login_session"),
    "a reset mail": reset,
}


@ORIGINS
@pytest.mark.parametrize("end", ENDS)
def test_a_session_that_ends_is_over_on_both_sides_at_the_next_request(
    browse: Browse, customer: Account, admin: Account, db: Db, end: str, theirs: bool
) -> None:
    browser = browse()
    if theirs:
        browser.visit(f"/google/{customer_id(db, customer)}")
    header = {} if theirs else {"X-Session-ID": browser.log_in(customer)}
    assert browser.who() == {customer.email}
    cookies = {name: value for name in ("sid", "customers") if (value := browser.cookie(name))}

    ENDS[end](browser, customer, db)

    refused(new_client(browser.ours.application).get(ME, headers=header), 401, "not_authenticated")
    assert browser.who() == {None}
    for name, value in cookies.items():
        refused(holding(browser.ours.application, value, name).get(ME), 401, "not_authenticated")
        browser.ours.set_cookie(name, value)
    assert browser.who() == {None}
    command(browser.ours.application, "purge")
    if end != "EverShop's row is deleted":  # which ends what is used
        left = sessions(db)
        assert len(left) <= 1, "the customer's elsewhere"
        assert [row["sid"] for row in left] == [row["sid"] for row in signed_in(db)]


def test_the_session_that_ends_the_others_stays(browse: Browse, customer: Account, db: Db) -> None:
    browser, other = browse(customer), browse(customer)

    done(browser.ours.post(f"{ME}/password", json=CHANGE))
    assert (browser.who(), other.who()) == ({customer.email}, {None})

    other.visit(f"/google/{customer_id(db, customer)}")
    done(browser.ours.delete(f"{ME}/sessions"))
    assert (browser.who(), other.who()) == ({customer.email}, {None})


def out(client: CheckingClient, headers: dict[str, str]) -> TestResponse:
    """Return the answer to the logout of EverShop's admin panel, which is in no OpenAPI document."""
    return FlaskClient.open(client, "/admin/user/logout", headers=headers)


ADMIN_ENDS: dict[str, Callable[[Browser, Db], Any]] = {
    "logout here": lambda browser, _: done(browser.ours.post("/admin/user/logout")),
    "logout here by GET": lambda browser, _: done(out(browser.ours, SAME)),
    "logout on EverShop's page": lambda browser, _: browser.visit("/admin/user/logout"),
    "disabled": lambda _, db: db.execute("UPDATE admin_user SET status = false"),
    "deleted": lambda _, db: db.execute("DELETE FROM admin_user"),
}


@ORIGINS
@pytest.mark.parametrize("end", ADMIN_ENDS)
def test_an_admins_session_is_one_and_ends_on_both_sides_and_the_customers_of_the_browser_stays(
    browse: Browse, customer: Account, admin: Account, db: Db, end: str, theirs: bool
) -> None:
    browser = staff(browse(), db) if theirs else browse(admin)
    browser.log_in(customer)
    assert browser.who("admin") == {admin.email}

    ADMIN_ENDS[end](browser, db)

    assert browser.who("admin") == {None}
    assert browser.who() == {customer.email}


def test_admins_sign_out_by_get_from_the_same_origin_alone(browse: Browse, admin: Account, make_app: MakeApp) -> None:
    browser = browse(admin)

    for site in ("cross-site", "same-site", "none", ""):
        refused(out(browser.ours, {"Sec-Fetch-Site": site} if site else {}), 403, "cross_site")
        assert browser.who("admin") == {admin.email}
    refused(out(new_client(make_app(evershop_cookie_secrets=())), SAME), 405, "method_not_allowed")


def test_the_staffs_pages_here_share_the_admins_session(browse: Browse, admin: Account, db: Db) -> None:
    browser, visitor = staff(browse(), db), Visitor(browse().ours.application)

    visitor.client.set_cookie("asid", browser.cookie("asid") or "")
    assert visitor.get("/admin/customers")
    visitor.sign_in()
    browser.ours = visitor.client
    assert browser.who("admin") == {admin.email}
    browser.visit("/admin/user/logout")
    assert visitor.client.get("/admin/customers").status_code == 303


@pytest.mark.parametrize("seen_here", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_after_a_logout_on_evershops_page_it_can_sign_anybody_in_in_that_browser(
    browse: Browse, make_customer: Make, db: Db, at_once: bool, seen_here: bool
) -> None:
    """It leaves the name of the session here in its row, which must block no login and mean nobody."""
    one, two = make_customer(), make_customer()
    for following in (two, one):
        db.execute("DELETE FROM login_session")
        browser = browse(one)
        if at_once:  # a logout here while the page is on its way: it writes what it has read, without the customer
            with on_its_way(browser, "/slow?out"):
                done(browser.ours.post("/customer/logout"))
        else:
            browser.visit("/customer/logout")
        assert sessions(db) == [], "over at once, not only at the next request"
        if seen_here:
            refused(browser.ours.get(ME), 401, "not_authenticated")

        browser.visit(f"/google/{customer_id(db, following)}")

        assert browser.who() == {following.email}
        assert len(sessions(db)) == len(signed_in(db)) == 1


def age(db: Db, ours: str, theirs: str, created: str = "1 day") -> None:
    """Have the session begun some time ago, and its rows last for some time more; it was not used here for an hour."""
    db.execute(
        "UPDATE login_session SET last_seen_at = now() - interval '1 hour', expires_at = now() + %s::interval,"
        " created_at = now() - %s::interval",
        *(ours, created),
    )
    db.execute("UPDATE session SET expire = now() + %s::interval", theirs)


def left(db: Db) -> list[int]:
    """Return for how many hours the one session will last, here and there."""
    (row,) = db.all("SELECT expires_at - now() AS ours, expire - now() AS theirs FROM session, login_session")
    return [round(value.total_seconds() / 3600) for value in row.values()]


@pytest.fixture
def browser(browse: Browse, customer: Account, db: Db) -> Browser:
    """Return a browser with the only session that there is."""
    db.execute("DELETE FROM login_session")
    return browse(customer)


PURGED = pytest.mark.parametrize("purged", [False, True])


@PURGED
def test_use_on_either_side_keeps_a_session_alive(browser: Browser, customer: Account, db: Db, purged: bool) -> None:
    app = browser.ours.application
    age(db, "-1 minute", "1 minute")
    assert browser.visit() == {"email": customer.email}
    if purged:
        command(app, "purge")
    assert browser.who() == {customer.email}
    assert left(db) == [24, 24]

    age(db, "1 minute", "1 minute")
    data_of(browser.ours.get(ME))
    assert left(db) == [24, 24]
    assert browser.who() == {customer.email}


@PURGED
@pytest.mark.parametrize(
    ("created", "theirs", "lives"),
    [("1 day", "-1 minute", False), ("29 days 23 hours", "1 day", True), ("30 days 1 minute", "1 day", False)],
    ids=["not used", "almost at its absolute end", "past its absolute end"],
)
def test_a_session_is_over_after_its_idle_time_and_at_its_absolute_end_although_evershops_pages_are_used(
    browser: Browser, customer: Account, db: Db, created: str, theirs: str, lives: bool, purged: bool
) -> None:
    app, cookies = browser.ours.application, {name: browser.cookie(name) or "" for name in ("customers", "sid")}
    age(db, "-1 minute", theirs, created)
    browser.visit()

    if purged:
        command(app, "purge")

    for name, value in cookies.items():
        assert holding(app, value, name).get(ME).status_code == (200 if lives else 401)
    assert browser.who() == {customer.email if lives else None}
    assert len(sessions(db)) == len(signed_in(db)) == lives


@PURGED
def test_a_session_can_be_ended_although_a_page_has_written_over_its_name(
    browse: Browse, customer: Account, db: Db, purged: bool
) -> None:
    """Cause: a page that was on its way when the session was first seen here wrote it back without the name."""
    browser = browse()
    browser.visit(f"/google/{customer_id(db, customer)}")
    with on_its_way(browser, "/slow?add"):
        uuid = session_of(browser.ours)
    if purged:
        command(browser.ours.application, "purge")
        assert browser.visit() == {"email": customer.email}

    done(customer.client.delete(f"{ME}/sessions/{uuid}"))

    assert browser.who() == {None}


# ---------------------------------------------------------------- without EverShop's pages, so in `make test` as well


def test_a_session_that_ends_while_it_becomes_one_here_opens_nothing(app: Flask, customer: Account, db: Db) -> None:
    """The row here was made after the end of all sessions had looked for it, and one more write passed.

    The row there stayed: with no session to keep, NULL IS DISTINCT FROM NULL was false.
    """
    thief, ctx = signed_in_there(app, db, customer), context.of(app)

    with ThreadPoolExecutor(1) as pool, ctx.db.writing() as tx:
        tx.conn.execute(text("SELECT FROM customer FOR UPDATE"))
        write = pool.submit(lambda: thief.patch(ME, json={"full_name": "Thief"}))
        wait_until(lambda: waiting_for_a_lock(db))
        ctx.end_sessions(tx.conn, "customer", customer_id(db, customer))

    refused(write.result(), 401, "not_authenticated")
    assert db.one("SELECT full_name FROM customer") == {"full_name": "Ann Customer"}
    assert signed_in(db) == []


def test_a_logout_ends_the_session_of_either_cookie(app: Flask, make_app: MakeApp, customer: Account, db: Db) -> None:
    """A cookie from before EverShop's shared its sessions was forgotten, and opened its session when replayed."""
    client, alone = signed_in_there(app, db, customer), new_client(make_app(evershop_cookie_secrets=()))
    log_in(alone, customer.email)
    own = alone.get_cookie("customers")
    assert own
    client.set_cookie("customers", own.value)

    done(client.post("/customer/logout"))

    refused(holding(app, own.value, "customers").get(ME), 401, "not_authenticated")


def test_a_session_that_evershop_ended_is_gone_after_a_request(app: Flask, customer: Account, db: Db) -> None:
    """Only a browser with our own cookie ended it; else it stood in the list of sessions until the next purge."""
    db.execute("DELETE FROM login_session")
    for end in ("UPDATE session SET sess = '{}'", "DELETE FROM session"):
        browser = signed_in_there(app, db, customer)
        data_of(browser.get(ME))
        db.execute(end)

        refused(browser.get(ME), 401, "not_authenticated")
        assert db.all("SELECT FROM login_session") == []
