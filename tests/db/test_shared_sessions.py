"""Sessions shared with an EverShop: faults that were found, each with its cause."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from customers.context import Context
from customers.db import migrate
from customers.evershop.service import SETUP
from customers.http import context
from tests.conftest import PASSWORD, Made, application, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import CUSTOMERS, ME
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.service import wait_until

SHOP = """
CREATE TABLE session (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
CREATE TABLE cart (sid varchar, status boolean, customer_id int, customer_group_id smallint, customer_email varchar,
                   customer_full_name varchar);
CREATE TABLE "order" (sid varchar, customer_id int, created_at timestamptz);
CREATE TABLE event (name varchar, data json);
"""
EMAIL = "ann@example.com"
WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def shop(make: Callable[..., Made]) -> Iterator[tuple[Flask, Db, int]]:
    """Return an application beside an EverShop, their database, and the id of a customer."""
    made, db = make(SHOP)
    ctx = Context.of(replace(made.settings, evershop_cookie_secrets=("s" * 32,)))
    migrate.apply(ctx.db, SETUP)
    ctx.db.close()
    app = application(ctx.settings)
    data_of(new_client(app).post(CUSTOMERS, json={"email": EMAIL, "password": PASSWORD, "full_name": "Ann"}), 201)
    yield app, db, db.one("SELECT customer_id FROM customer")["customer_id"]
    context.of(app).db.close()


def signed_in_there(app: Flask, db: Db, sid: str, **owner: int) -> CheckingClient:
    """Return a client that EverShop alone has signed in."""
    sess = json.dumps({"cookie": {}, "notifications": [], **owner})
    db.execute("INSERT INTO session VALUES (%s, %s, now() + interval '1 day')", sid, sess)
    evershop, client = context.of(app).evershop, new_client(app)
    assert evershop is not None
    client.set_cookie("sid", evershop.cookie(sid))
    return client


def test_the_end_of_all_sessions_ends_those_that_only_evershop_knows(shop: tuple[Flask, Db, int]) -> None:
    """With none to keep, NULL IS DISTINCT FROM NULL was false, and a reset left whoever EverShop had signed in."""
    app, db, customer_id = shop
    thief = signed_in_there(app, db, "thief", customerID=customer_id)
    ctx = context.of(app)

    with ctx.db.writing() as tx:
        ctx.end_sessions(tx.conn, "customer", customer_id)

    assert db.all("SELECT sid FROM session") == []
    refused(thief.get(ME), 401, "not_authenticated")


def test_a_session_that_ends_while_it_becomes_one_here_opens_nothing(shop: tuple[Flask, Db, int]) -> None:
    """The row here was made after the end of all sessions had looked for it, and one more write passed."""
    app, db, customer_id = shop
    thief, ctx = signed_in_there(app, db, "thief", customerID=customer_id), context.of(app)

    with ThreadPoolExecutor(1) as pool, ctx.db.writing() as tx:
        tx.conn.execute(text("SELECT FROM customer FOR UPDATE"))
        write = pool.submit(lambda: thief.patch(ME, json={"full_name": "Thief"}))
        wait_until(lambda: db.all(WAITING))
        ctx.end_sessions(tx.conn, "customer", customer_id)

    refused(write.result(), 401, "not_authenticated")
    assert db.one("SELECT full_name FROM customer") == {"full_name": "Ann"}


def test_a_logout_ends_the_session_of_either_cookie(shop: tuple[Flask, Db, int]) -> None:
    """A cookie from before EverShop's shared its sessions was forgotten, and opened its session when replayed."""
    app, db, customer_id = shop
    client = signed_in_there(app, db, "there", customerID=customer_id)
    alone = application(replace(context.of(app).settings, evershop_cookie_secrets=()))
    here = new_client(alone)
    log_in(here, EMAIL)
    context.of(alone).db.close()
    own = here.get_cookie("customers")
    assert own is not None
    client.set_cookie("customers", own.value)

    done(client.post("/customer/logout"))

    client.set_cookie("customers", own.value)
    refused(client.get(ME), 401, "not_authenticated")


def test_a_session_of_evershops_lives_on_where_a_login_counts_as_recent_for_longer_than_a_session_may_live(
    shop: tuple[Flask, Db, int],
) -> None:
    """It became one that had started so long ago, and was ended at the next request."""
    app, db, customer_id = shop
    client = signed_in_there(app, db, "there", customerID=customer_id)
    changed = application(replace(context.of(app).settings, recent_login=10**9))
    client.application = changed

    data_of(client.get(ME))
    data_of(client.get(ME))
    context.of(changed).db.close()


def test_a_page_that_began_before_a_session_became_one_here_does_not_lose_the_link(shop: tuple[Flask, Db, int]) -> None:
    """Without the link, the session outlived its end from elsewhere, as one that EverShop alone knew."""
    app, db, customer_id = shop
    there, here = signed_in_there(app, db, "there", customerID=customer_id), new_client(app)
    before = json.dumps(db.one("SELECT sess FROM session")["sess"])
    data_of(there.get(ME))

    db.execute(
        "INSERT INTO session VALUES ('there', %s, now()) ON CONFLICT (sid) DO UPDATE SET sess = excluded.sess", before
    )
    log_in(here, EMAIL)
    (other,) = [each["uuid"] for each in data_of(here.get(f"{ME}/sessions")) if not each["current"]]
    done(here.delete(f"{ME}/sessions/{other}"))

    refused(there.get(ME), 401, "not_authenticated")


def test_a_time_zone_that_postgresql_does_not_know_is_told_before_the_first_request(
    shop: tuple[Flask, Db, int],
) -> None:
    """Else each request with a cookie of EverShop's was a 500, of a service that said it was ready."""
    changed = application(replace(context.of(shop[0]).settings, evershop_timezone="Mars/Olympus"))

    assert new_client(changed).get("/readyz").status_code == 500
    context.of(changed).db.close()


@pytest.mark.parametrize(
    "end", ['UPDATE session SET sess = \'{"cookie": {}, "notifications": []}\'', "DELETE FROM session"]
)
def test_a_session_that_evershop_ended_is_gone_after_a_request_with_its_cookie_alone(
    shop: tuple[Flask, Db, int], end: str
) -> None:
    """Only a browser with our own cookie ended it; else it stood in the list of sessions until the next purge."""
    app, db, customer_id = shop
    browser = signed_in_there(app, db, "sid", customerID=customer_id)
    data_of(browser.get(ME))

    db.execute(end)

    refused(browser.get(ME), 401, "not_authenticated")
    assert db.all("SELECT FROM login_session") == []


def test_a_customers_cookie_in_the_place_of_an_admins_is_nobody_and_ends_nothing(shop: tuple[Flask, Db, int]) -> None:
    app, db, customer_id = shop
    browser = signed_in_there(app, db, "sid", customerID=customer_id)
    data_of(browser.get(ME))
    cookie = browser.get_cookie("sid")
    assert cookie is not None
    stranger = new_client(app)
    stranger.set_cookie("asid", cookie.value)

    refused(stranger.get(CUSTOMERS), 401, "not_authenticated")

    data_of(browser.get(ME))
