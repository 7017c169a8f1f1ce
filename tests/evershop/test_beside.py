"""What living beside EverShop tells its subscribers, costs, and leaves in its tables."""

from datetime import UTC
from functools import partial

import pytest
from flask import Flask

from customers.http import context
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.evershop.conftest import MakeApp
from tests.evershop.shop import SECRET, holding
from tests.support.answers import data_of, done, refused
from tests.support.builders import CUSTOMERS, ME, NEW, NEW_PASSWORD, registered, reset_token
from tests.support.database import Db
from tests.support.round_trips import round_trips

TOLD = "SELECT name, status, data FROM event WHERE name IN ('customer_registered', 'account_created') ORDER BY event_id"
ANSWERED = ("customer_id", "uuid", "status", "group_id", "email", "full_name")


@pytest.mark.parametrize(("status", "name"), [(1, "customer_registered"), (0, "account_created")])
@pytest.mark.parametrize("by", ["anybody", "admin"])
def test_a_registration_is_told_once_with_what_evershop_tells_but_the_hash(
    app: Flask, admin: Account, db: Db, by: str, status: int, name: str
) -> None:
    made = registered(admin.client if by == "admin" else new_client(app), status=status)

    event, row = db.one(TOLD), db.one("SELECT created_at, updated_at, meta_data FROM customer")
    assert (event["name"], event["status"]) == (name, "pending")
    for key in ("created_at", "updated_at"):  # as JavaScript writes a time
        row[key] = row[key].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert event["data"] == {**{key: made[key] for key in ANSWERED}, **row, "insertId": made["customer_id"]}


def test_a_refused_registration_is_told_to_nobody(app: Flask, customer: Account, db: Db) -> None:
    db.execute("DELETE FROM event")

    refused(new_client(app).post(CUSTOMERS, json={**NEW, "email": customer.email.upper()}), 409, "email_taken")

    assert db.all("SELECT FROM event") == []


def test_with_the_feature_off_nothing_of_evershop_is_written_or_read(make_app: MakeApp, db: Db) -> None:
    client = new_client(make_app(evershop_cookie_secrets=()))
    registered(client)

    log_in(client, NEW["email"])

    assert db.all(TOLD) == db.all("SELECT FROM session") == []
    assert client.get_cookie("sid") is None
    data_of(client.get(ME))


# Without an EverShop it is one less: tests/http/test_statements.py.
@pytest.mark.parametrize(("who", "path", "trips"), [
    ("customer", ME, 2), ("browser", ME, 2), ("evershop", ME, 2), ("customer", f"{ME}/addresses", 3),
    ("admin", CUSTOMERS, 2), ("browser", "/session", 2), ("forged", ME, 0), ("nobody", ME, 0),
])  # fmt: skip
def test_a_read_takes_one_round_trip_more(
    make_app: MakeApp, accounts: dict[str, Account], who: str, path: str, trips: int
) -> None:
    # One that prepares no statement: to prepare one is a round trip now and then.
    app = make_app(prepared_statements=False)
    client = holding(app, "s%3Aforged.signature", "sid" if who == "forged" else "other")
    if who in ("browser", "evershop"):
        log_in(client, accounts["customer"].email)
    if who == "evershop":
        client.delete_cookie("customers")
    read = partial(client.get, path, headers=accounts[who].headers if who in accounts else {})

    assert round_trips(context.of(app), read) == trips


def test_no_secret_of_ours_stands_in_evershops_tables(app: Flask, accounts: dict[str, Account], db: Db) -> None:
    """But the hashes in the tables of accounts, which EverShop's own triggers copy to `event`."""
    customer, browser = accounts["customer"], new_client(app)
    registered(browser, password=NEW_PASSWORD)
    sids = [log_in(browser, customer.email), *(account.sid for account in accounts.values())]
    done(browser.post(f"{ME}/password", json={"current_password": PASSWORD, "password": NEW_PASSWORD}))
    token = reset_token(db, customer)
    digests = db.all("SELECT encode(digest, 'hex') AS ours, encode(evershop_digest, 'hex') AS other FROM login_session")
    hashes = db.all("SELECT password FROM customer UNION SELECT password FROM admin_user")
    secret = {*sids, *(sid.replace("-", "") for sid in sids), PASSWORD, NEW_PASSWORD, token, SECRET, "k" * 32}
    secret |= {value for row in digests for value in row.values()}
    hashed = {row["password"] for row in hashes}

    theirs = ("customer_address", "customer_group", "reset_password_token", "session", "cart", '"order"', "setting")
    for table in ("customer", "admin_user", "event", *theirs):
        text = str(db.all(f"SELECT row_to_json(each)::text FROM {table} AS each"))
        found = secret if table in ("customer", "admin_user", "event") else secret | hashed
        assert not [each for each in found if each in text], table
