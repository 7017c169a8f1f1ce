"""Creating, reading, updating and deleting customers; pending accounts."""

import pytest

from tests.conftest import PASSWORD, Account, log_in
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, GROUPS, ME, NEW, NEW_PASSWORD, address_of, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db

LOGIN = {"email": NEW["email"], "password": PASSWORD}


def test_an_update_changes_what_it_names_of_a_new_customer(client: CheckingClient, admin: Account, db: Db) -> None:
    response = client.post(CUSTOMERS, json=NEW)
    path, created = response.headers["Location"], data_of(response, 201)
    links = created.pop("links")

    assert path == f"{CUSTOMERS}/{created['uuid']}"
    assert created.items() >= {"status": 1, "group_id": 1, "email": NEW["email"], "full_name": NEW["full_name"]}.items()
    assert [link["href"] for link in links] == ["/admin/customers", f"/admin/customers/edit/{created['uuid']}"]
    assert data_of(admin.client.get(path)) == {**created, "addresses": []}
    log_in(client, NEW["email"])
    for changes in ({"full_name": "Zoë"}, {"full_name": "Zoë", "email": "zoe@example.com"}):
        db.execute("UPDATE customer SET updated_at = '2020-01-01'")
        before = {**created, "updated_at": "2020-01-01 00:00:00"}
        after = data_of(client.patch(path, json=changes))
        assert {name for name in after if after[name] != before.get(name)} == {"updated_at", "links", *changes}
        assert (after["full_name"], after["links"], after["updated_at"] > "2026") == ("Zoë", links, True)


TIMES = {
    "2026-01-31 23:30:00.9-05": "2026-02-01 04:30:00",
    "0001-01-01 00:00:00+00": "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999999+00": "9999-12-31 23:59:59",
    **dict.fromkeys(("0001-01-01 00:00:00+01", "10000-01-01 00:00:00+00", "infinity", "-infinity", None)),
}


def test_times_are_utc_seconds_or_null(customer: Account, admin: Account, address: str, db: Db) -> None:
    group = f"{GROUPS}/{data_of(admin.client.get(GROUPS))[0]['uuid']}"
    for table, reads in {
        "customer": [customer.path, CUSTOMERS, f"{customer.path}/export"],
        "customer_address": [address, f"{customer.path}/addresses", f"{customer.path}/export"],
        "customer_group": [group, GROUPS],
        "login_session": [f"{customer.path}/sessions"],
    }.items():
        for stored, answered in list(TIMES.items())[: -1 if table == "login_session" else None]:  # where NULL is none
            db.execute(f"UPDATE {table} SET created_at = %s", stored)
            for path in reads:
                data = data_of(admin.client.get(path))
                data = data["addresses"] if path.endswith("/export") and table == "customer_address" else data
                one = data[0] if isinstance(data, list) else data
                assert one["created_at"] == answered, (stored, path)


@pytest.mark.parametrize(
    ("stored", "forms"),
    [("Ann.Of@Example.COM", ["Ann.Of@Example.COM", "ann.of@example.com", "ANN.OF@EXAMPLE.COM"]),
     # Firefox sends a domain as typed, Chromium in ASCII.
     ("ann@xn--bcher-kva.example", ["ann@bücher.example", "ann@bu\u0308cher.example", "Ann@XN--BCHER-KVA.example"])],
)  # fmt: skip
def test_an_email_is_one_in_any_form(
    client: CheckingClient, customer: Account, admin: Account, stored: str, forms: list[str]
) -> None:
    assert registered(client, email=f" {forms[0]} ")["email"] == stored

    for form in forms:
        refused(client.post(CUSTOMERS, json={**NEW, "email": form}), 409, "email_taken")
        refused(admin.client.post(CUSTOMERS, json={**NEW, "email": form}), 409, "email_taken")
        refused(customer.client.patch(ME, json={"email": form}), 409, "email_taken")
        log_in(client, form)
        listed = data_of(admin.client.get(CUSTOMERS, query_string={"email": form}))
        assert [each["email"] for each in listed] == [stored]


def test_an_email_is_no_pattern_and_may_change_its_case(client: CheckingClient, customer: Account) -> None:
    own = data_of(customer.client.patch(ME, json={"email": customer.email.upper()}))
    assert own["email"] == customer.email.upper()
    for pattern in ("customer%@example.com", "customer_@example.com"):
        refused(client.post("/customer/login", json={**LOGIN, "email": pattern}), 401, "invalid_credentials")
        registered(client, email=pattern)


def test_a_deletion_takes_all_of_a_customer(client: CheckingClient, customer: Account, other: Account, db: Db) -> None:
    for account in (customer, other):
        address_of(account)
        reset_token(db, account, account.email)
    before = data_of(customer.client.get(customer.path))

    deleted = data_of(customer.client.delete(customer.path))

    assert {**deleted, "addresses": before["addresses"]} == before
    for table in ("customer", "customer_address", "login_session", "login_network", "reset_password_token"):
        assert db.one(f"SELECT count(*) FROM {table}")["count"] == 1, table
    registered(client, email=customer.email)


# Who registers an account and with which status, and what an admin changes then -> whether it is pending, and what
# comes of a login and of the token of a mail. A stranger who registers a person's e-mail must not lock the owner out.
STATUSES: list[tuple[str, object, dict[str, object], bool, int, int]] = [
    ("anonymous", "0", {"full_name": "Still pending", "group_id": 1}, True, 401, 200),
    ("customer", 0, {"password": PASSWORD}, True, 401, 200),
    ("anonymous", 0, {"status": 0}, False, 401, 400),
    ("anonymous", 0, {"status": 1}, False, 200, 200),
    ("admin", 0, {"full_name": "Never pending"}, False, 401, 400),
    ("anonymous", 1, {"status": 0}, False, 401, 400),
]


@pytest.mark.parametrize(("by", "status", "changes", "is_pending", "login", "reset"), STATUSES)
def test_an_account_is_pending_until_an_admin_sets_a_status_and_what_an_admin_disabled_stays_so(
    client: CheckingClient, accounts: dict[str, Account], db: Db,
    by: str, status: object, changes: dict[str, object], is_pending: bool, login: int, reset: int,
) -> None:  # fmt: skip
    uuid = registered(accounts[by].client if by in accounts else client, status=status)["uuid"]
    account, admin = Account(client.application, uuid, NEW["email"], ""), accounts["admin"].client

    data_of(admin.patch(account.path, json=changes))

    assert data_of(admin.get(f"{account.path}/export"))["pending"] is is_pending
    assert client.post("/customer/login", json=LOGIN).status_code == login
    body = {"token": reset_token(db, account), "password": NEW_PASSWORD}
    assert client.post("/api/customers/password", json=body).status_code == reset
    if is_pending:
        log_in(client, NEW["email"], NEW_PASSWORD)
        trail = db.all("SELECT details FROM audit_log WHERE event = 'status_changed'")
        assert trail == [{"details": {"from": 0, "to": 1}}]
        assert data_of(admin.get(f"{account.path}/export"))["pending"] is False
    data_of(admin.delete(account.path))
    assert db.all("SELECT FROM pending_customer") == []
