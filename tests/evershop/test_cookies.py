"""EverShop's cookies: signed and read as it does, and worth nothing where it would not take them either."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from customers.evershop import signature
from tests.conftest import Account, log_in, new_client
from tests.evershop.conftest import Browse, MakeApp
from tests.evershop.shop import SECRET, command, customer_id, evershop_session, holding, on_its_way, sessions, signed
from tests.support.answers import data_of, refused
from tests.support.builders import ME, MISSING, session_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once

WEAK = "keyboard cat"
# A sid and its signature by that secret, computed by the packages that EverShop installs.
VECTORS = [
    ("0C9O3yT8BjfPSsNP_NWdWYQQXM-E7yP5", "s9qmjS%2By5DGirti4C2%2B18ufOLX%2FAwGJehjV5F3egP8M"),
    ("5f0d2c44-7a0e-4b3c-8a55-0f6d5f0f2b11", "RAbhe6hDWsgOMOWRmP%2Bukxy%2FoiLgxvRB1HSB1S1CJVs"),
]


@pytest.mark.parametrize(("sid", "mac"), VECTORS)
def test_a_sid_is_signed_and_read_as_evershop_does(sid: str, mac: str) -> None:
    assert signature.sign(sid, WEAK) == f"s%3A{sid}.{mac}" == signed(sid, WEAK)
    assert signature.unsign(f"s%3A{sid}.{mac}", (SECRET, WEAK)) == sid
    assert signature.unsign(f"s%3A{sid}.{mac}", (SECRET,)) is None


def test_cookies_of_a_former_secret_count_and_new_ones_are_signed_with_the_first(
    make_app: MakeApp, customer: Account, db: Db
) -> None:
    newer = "another secret of at least forty bytes!!"
    browser = new_client(make_app(evershop_cookie_secrets=(newer, SECRET)))
    old = evershop_session(db, customerID=customer_id(db, customer))

    browser.set_cookie("sid", signed(old))
    data_of(browser.get(ME))
    log_in(browser, customer.email)

    cookie = browser.get_cookie("sid")
    assert cookie
    assert cookie.value in {signed(row["sid"], newer) for row in db.all("SELECT sid FROM session")}
    refused(holding(make_app(evershop_cookie_secrets=(newer,)), signed(old)).get(ME), 401, "not_authenticated")


def anonymous(client: CheckingClient) -> None:
    """Assert that a client is nobody, whatever it sends."""
    for path in (ME, "/session"):
        refused(client.get(path), 401, "not_authenticated")
    data_of(client.post("/customer/logout"))


def test_a_cookie_that_evershop_did_not_sign_is_anonymous(app: Flask, customer: Account, db: Db) -> None:
    sid = evershop_session(db, customerID=customer_id(db, customer))
    good, other = signed(sid), signed("other").rpartition(".")[2]
    text = json.dumps({"sid": sid})
    whole = [sid, "", "s%3A", "s%3A.", quote(good), f"{good}%3D", f"{good}%", f"%ff{good}%ff", f"j%3A{quote(text)}"]
    cut = [good[:-1], good.partition(".")[0], good.removeprefix("s%3A"), f"s%3A{sid}.", f"s%3A{sid}.{other}"]
    keyed = [signed(sid, WEAK), signed(sid, ""), signed("a\0b"), signed(""), signed(MISSING), signed("x" * 3000)]

    for forged in (*whole, *cut, *keyed):
        anonymous(holding(app, forged))
    data_of(holding(app, good).get(ME))
    refused(holding(app, good).get(ME, headers={"X-Session-ID": MISSING}), 401, "not_authenticated")


def test_a_row_that_signs_no_customer_in_is_anonymous(app: Flask, customer: Account, db: Db) -> None:
    own = customer_id(db, customer)
    expired = evershop_session(db, "now() - interval '1 s'", customerID=own)
    odd: list[Any] = [None, 0, -1, own + 1, 2**31 - 1, 2**32, 2**40, "", "x", 1.5, [], {}, True]
    rows: list[dict[str, Any]] = [
        {},
        {"userID": own},
        {"customersSession": "no uuid"},
        *({"customerID": value} for value in odd),
    ]

    for sid in (expired, *(evershop_session(db, **keys) for keys in rows)):
        anonymous(holding(app, signed(sid)))
    db.execute("UPDATE customer SET status = 0")
    refused(holding(app, signed(evershop_session(db, customerID=own))).get(ME), 401, "not_authenticated")
    assert len(sessions(db)) == 1, "none has become one of this service"


def test_a_copy_of_evershops_sessions_opens_nothing(app: Flask, customer: Account, db: Db) -> None:
    """They lie there in the clear, so a sid counts in a signed cookie alone."""
    evershop_session(db, customerID=customer_id(db, customer))
    for row in db.all("SELECT sid, coalesce(sess ->> 'customersSession', '') AS uuid FROM session"):
        for text in (row["sid"], row["uuid"], signed(row["sid"]), row["uuid"].replace("-", "")):
            refused(new_client(app).get(ME, headers={"X-Session-ID": text}), 401, "not_authenticated")
            for name in ("sid", "asid", "customers"):
                if (name, text) != ("sid", signed(row["sid"])):
                    refused(holding(app, text, name).get(ME), 401, "not_authenticated")
    data_of(customer.client.get(ME))  # and ends none


def test_a_write_by_evershops_cookie_that_another_site_started_is_refused(
    app: Flask, customer: Account, db: Db
) -> None:
    """EverShop's own cookies have no SameSite."""
    browser = holding(app, signed(evershop_session(db, customerID=customer_id(db, customer))))
    elsewhere = {"Sec-Fetch-Site": "cross-site"}

    refused(browser.patch(ME, json={"full_name": "X"}, headers=elsewhere), 403, "cross_site")
    refused(browser.post("/customer/logout", headers=elsewhere), 403, "cross_site")
    data_of(browser.patch(ME, json={"full_name": "X"}))


def test_a_session_that_evershop_has_started_counts_is_listed_and_can_be_ended_and_is_no_recent_login(
    browse: Browse, customer: Account, db: Db
) -> None:
    browser = browse()
    browser.visit(f"/google/{customer_id(db, customer)}")
    assert browser.who() == {customer.email}

    listed = {one["uuid"]: one["current"] for one in data_of(browser.ours.get(f"{ME}/sessions"))}

    assert sorted(listed.values()) == [False, True]
    data_of(browser.ours.patch(ME, json={"full_name": "Zoe"}))
    refused(browser.ours.patch(ME, json={"email": "z@example.com"}), 403, "login_again")
    refused(browser.ours.delete(ME), 403, "login_again")
    data_of(customer.client.delete(f"{ME}/sessions/{max(listed, key=lambda uuid: listed[uuid])}"))
    assert browser.who() == {None}


@pytest.mark.parametrize("purged", [False, True])
def test_it_can_be_ended_although_a_page_has_written_over_its_name(
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

    data_of(customer.client.delete(f"{ME}/sessions/{uuid}"))

    assert browser.who() == {None}


def test_requests_at_once_make_one_session_of_it(app: Flask, customer: Account, db: Db) -> None:
    sid = evershop_session(db, customerID=customer_id(db, customer))

    assert at_once(12, lambda _: holding(app, signed(sid)).get(ME).status_code) == [200] * 12

    assert len(sessions(db)) == 2
