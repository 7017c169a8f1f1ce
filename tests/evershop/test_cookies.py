"""EverShop's cookies: signed and read as it does, and worth nothing where it would not take them either."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from customers.evershop import signature
from tests.conftest import Account, log_in, new_client
from tests.evershop.conftest import MakeApp
from tests.evershop.shop import SECRET, customer_id, evershop_session, holding, sessions, signed, signed_in_there
from tests.support.answers import data_of, done, refused
from tests.support.builders import CUSTOMERS, ME, MISSING, session_of
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
    assert signature.sign(sid, WEAK) == f"s%3A{sid}.{mac}"
    assert signature.unsign(f"s%3A{sid}.{mac}", (SECRET, WEAK)) == sid
    assert signature.unsign(f"s%3A{sid}.{mac}", (SECRET,)) is None


def test_a_former_secret_counts_and_the_first_signs(make_app: MakeApp, customer: Account, db: Db) -> None:
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
    for path in (ME, "/session", CUSTOMERS):
        refused(client.get(path), 401, "not_authenticated")
    done(client.post("/customer/logout"))


def test_a_forged_or_misplaced_cookie_is_anonymous_and_ends_nothing(app: Flask, customer: Account, db: Db) -> None:
    sid = evershop_session(db, customerID=customer_id(db, customer))
    good, other = signed(sid), signed("other").rpartition(".")[2]
    as_json = "j%3A" + quote(json.dumps({"sid": sid}))
    whole = [sid, "", "s%3A", "s%3A.", quote(good), f"{good}%3D", f"{good}%", f"%ff{good}%ff", as_json]
    cut = [good[:-1], good.partition(".")[0], good.removeprefix("s%3A"), f"s%3A{sid}.", f"s%3A{sid}.{other}"]
    keyed = [signed(sid, WEAK), signed(sid, ""), signed("a\0b"), signed(""), signed(MISSING), signed("x" * 3000)]
    data_of(holding(app, good).get(ME))

    for forged in (*whole, *cut, *keyed):
        anonymous(holding(app, forged))
    anonymous(holding(app, good, "asid"))
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
    assert len(sessions(db)) == 1, "none has become one of this service"
    db.execute("UPDATE customer SET status = 0")
    anonymous(signed_in_there(app, db, customer))
    assert sessions(db) == []


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


def test_a_write_by_evershops_cookie_from_another_site_is_refused(app: Flask, customer: Account, db: Db) -> None:
    """EverShop's own cookies have no SameSite."""
    browser, elsewhere = signed_in_there(app, db, customer), {"Sec-Fetch-Site": "cross-site"}

    refused(browser.patch(ME, json={"full_name": "X"}, headers=elsewhere), 403, "cross_site")
    refused(browser.post("/customer/logout", headers=elsewhere), 403, "cross_site")
    data_of(browser.patch(ME, json={"full_name": "X"}))


def test_a_session_that_evershop_began_counts_but_not_as_a_recent_login(app: Flask, customer: Account, db: Db) -> None:
    browser = signed_in_there(app, db, customer)

    data_of(browser.patch(ME, json={"full_name": "Zoe"}))
    refused(browser.patch(ME, json={"email": "z@example.com"}), 403, "login_again")
    refused(browser.delete(ME), 403, "login_again")
    done(customer.client.delete(f"{ME}/sessions/{session_of(browser)}"))
    refused(browser.get(ME), 401, "not_authenticated")


def test_it_lives_on_where_logins_stay_recent_for_years(make_app: MakeApp, customer: Account, db: Db) -> None:
    """It became one that had started so long ago, and was ended at the next request."""
    browser = signed_in_there(make_app(recent_login=10**9), db, customer)

    for _ in range(2):
        data_of(browser.get(ME))


def test_requests_at_once_make_one_session_of_it(app: Flask, customer: Account, db: Db) -> None:
    sid = evershop_session(db, "now() + interval '1 minute'", customerID=customer_id(db, customer))

    assert at_once(12, lambda _: holding(app, signed(sid)).get(ME).status_code) == [200] * 12

    assert len(sessions(db)) == 2
