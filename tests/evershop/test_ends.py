"""However a session ends, on whichever side, it ends on both, at the next request."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, Account, new_client
from tests.evershop.conftest import Browse, Make, MakeApp
from tests.evershop.shop import Browser, command, customer_id, holding, on_its_way, sessions, signed_in
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, NEW_PASSWORD, reset_token, session_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.html import Visitor

CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
SAME = {"Sec-Fetch-Site": "same-origin"}
ORIGINS = pytest.mark.parametrize("theirs", [False, True], ids=["started here", "started by EverShop"])


class Scene(NamedTuple):
    """A customer in a browser and elsewhere, and an admin."""

    browser: Browser
    customer: Account
    admin: Account
    db: Db

    def patch(self, **changes: object) -> None:
        data_of(self.admin.client.patch(self.customer.path, json=changes))

    def reset(self) -> None:
        body = {"token": reset_token(self.db, self.customer), "password": NEW_PASSWORD}
        done(new_client(self.browser.ours.application).post("/api/customers/password", json=body))


ENDS: dict[str, Callable[[Scene], Any]] = {
    "logout here": lambda scene: done(scene.browser.ours.post("/customer/logout")),
    "logout on EverShop's page": lambda scene: scene.browser.visit("/customer/logout"),
    "an admin disables": lambda scene: scene.patch(status=0),
    "an admin changes the password": lambda scene: scene.patch(password=NEW_PASSWORD),
    "an admin deletes": lambda scene: data_of(scene.admin.client.delete(scene.customer.path)),
    "an admin ends all": lambda scene: done(scene.admin.client.delete(f"{scene.customer.path}/sessions")),
    "EverShop disables": lambda scene: scene.db.execute("UPDATE customer SET status = 0"),
    "EverShop deletes": lambda scene: scene.db.execute("DELETE FROM customer"),
    "EverShop's row is deleted": lambda scene: scene.db.execute("DELETE FROM session"),
    "the row here is deleted": lambda scene: scene.db.execute("DELETE FROM login_session"),
    "one deletes oneself": lambda scene: data_of(scene.customer.client.delete(ME)),
    "password changed elsewhere": lambda scene: done(scene.customer.client.post(f"{ME}/password", json=CHANGE)),
    "others ended elsewhere": lambda scene: done(scene.customer.client.delete(f"{ME}/sessions")),
    "ended elsewhere": lambda scene: done(
        scene.customer.client.delete(f"{ME}/sessions/{session_of(scene.browser.ours)}")
    ),
    "a reset mail": Scene.reset,
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

    ENDS[end](Scene(browser, customer, admin, db))

    refused(new_client(browser.ours.application).get(ME, headers=header), 401, "not_authenticated")
    assert browser.who() == {None}
    for name, value in cookies.items():
        refused(holding(browser.ours.application, value, name).get(ME), 401, "not_authenticated")
        browser.ours.set_cookie(name, value)
    assert browser.who() == {None}
    command(browser.ours.application, "purge")
    if end not in ("EverShop disables", "EverShop's row is deleted"):  # which end the sessions that are used
        left = sessions(db)
        assert len(left) <= 1, "that by which it was ended"
        assert [row["sid"] for row in left] == [row["sid"] for row in signed_in(db)]


def test_the_session_that_changes_its_password_or_ends_the_others_stays(
    browse: Browse, customer: Account, db: Db
) -> None:
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


def staff(browse: Browse, db: Db) -> Browser:
    """Return a browser in which the admin has signed in at EverShop."""
    browser = browse()
    browser.visit(f"/admin/login/{db.one('SELECT admin_user_id AS id FROM admin_user')['id']}")
    return browser


@ORIGINS
@pytest.mark.parametrize("end", ADMIN_ENDS)
def test_an_admins_session_is_one_and_ends_on_both_sides_and_the_customers_of_the_browser_stays(
    browse: Browse, customer: Account, admin: Account, db: Db, end: str, theirs: bool
) -> None:
    browser = staff(browse, db) if theirs else browse(admin)
    browser.log_in(customer)
    assert browser.who("admin") == {admin.email}

    ADMIN_ENDS[end](browser, db)

    assert browser.who("admin") == {None}
    assert browser.who() == {customer.email}


def test_an_admin_signs_out_by_get_from_the_same_origin_alone_and_only_beside_evershop(
    browse: Browse, admin: Account, make_app: MakeApp
) -> None:
    browser = browse(admin)

    for site in ("cross-site", "same-site", "none", ""):
        refused(out(browser.ours, {"Sec-Fetch-Site": site} if site else {}), 403, "cross_site")
        assert browser.who("admin") == {admin.email}
    refused(out(new_client(make_app(evershop_cookie_secrets=())), SAME), 405, "method_not_allowed")


def test_the_staffs_pages_here_share_the_admins_session(browse: Browse, admin: Account, db: Db) -> None:
    browser, visitor = staff(browse, db), Visitor(browse().ours.application)

    visitor.client.set_cookie("asid", browser.cookie("asid") or "")
    assert visitor.get("/admin/customers")
    visitor.sign_in()
    browser.ours = visitor.client
    assert browser.who("admin") == {admin.email}
    browser.visit("/admin/user/logout")
    assert visitor.client.get("/admin/customers").status_code == 303


def test_the_grid_of_evershops_admin_disables_and_enables_a_customer(
    browse: Browse, customer: Account, admin: Account, db: Db
) -> None:
    shopper, grid = browse(customer), staff(browse, db)

    for status in (0, 1):
        assert data_of(grid.ours.patch(customer.path, json={"status": status}, headers=SAME))["status"] == status
        assert shopper.who() == {None}
    shopper.log_in(customer)
    assert shopper.who() == {customer.email}


LOGOUTS: dict[str, Callable[[Browser], Any]] = {
    "here": lambda browser: done(browser.ours.post("/customer/logout")),
    "on EverShop's page": lambda browser: browser.visit("/customer/logout"),
}


def both(browser: Browser) -> None:
    """Sign out here while EverShop's page for that is on its way: it writes what it has read, without the customer."""
    with on_its_way(browser, "/slow?out"):
        LOGOUTS["here"](browser)


@pytest.mark.parametrize("seen_here", [False, True])
@pytest.mark.parametrize("logout", [*LOGOUTS.values(), both], ids=[*LOGOUTS, "on both sides at once"])
def test_after_a_logout_evershop_can_sign_anybody_in_in_that_browser(
    browse: Browse, make_customer: Make, db: Db, logout: Callable[[Browser], Any], seen_here: bool
) -> None:
    """EverShop's own leaves the name of the session here in its row, which must block no login and mean nobody."""
    one, two = make_customer(), make_customer()
    for following in (two, one):
        db.execute("DELETE FROM login_session")
        browser = browse(one)
        logout(browser)
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
def test_browsing_evershops_pages_keeps_a_session_alive_here_and_the_other_way_round(
    browser: Browser, customer: Account, db: Db, purged: bool
) -> None:
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
