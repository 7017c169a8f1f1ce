"""Everything stored about a person, as one document, and no secret."""

import json
from typing import Any

import pytest

from tests.conftest import ADDRESS, Account, log_in
from tests.support.answers import data_of
from tests.support.builders import address_of, reset_token
from tests.support.database import Db

TIME = "2026-01-31 12:00:00"
OWN = ["customer_id", "uuid", "status", "group_id", "email", "full_name", "created_at", "updated_at", "group_name",
       "meta_data", "pending"]  # fmt: skip
LISTS = ["addresses", "sessions", "networks", "password_resets", "mails", "audit"]
# Each table that knows a customer -> its name in the document, and those of its columns that are not there: secrets,
# ids that stand at the top, and what says nothing about the person. A new column is exported or stands here.
PLACES: dict[str, tuple[str | None, set[str]]] = {
    "customer": (None, {"password"}),
    "pending_customer": (None, set()),  # `pending` is whether there is a row
    "customer_address": ("addresses", set()),
    "login_session": ("sessions", {"customer_id", "admin_user_id", "digest"}),
    "login_network": ("networks", {"customer_id", "admin_user_id", "login_network_id"}),
    "reset_password_token": ("password_resets", {"customer_id", "token", "reset_password_token_id"}),
    "outbox_mail": ("mails", {"customer_id", "outbox_mail_id", "next_attempt_at", "attempts", "last_error"}),
    "audit_log": ("audit", {"audit_log_id", "actor_kind", "actor_uuid", "subject_kind", "subject_uuid"}),
}


def export(account: Account) -> dict[str, Any]:
    person: dict[str, Any] = data_of(account.client.get(f"{account.path}/export"))
    return person


@pytest.fixture
def known(customer: Account, db: Db) -> Account:
    """Return a customer of whom every table knows something."""
    address_of(customer)
    log_in(customer.client, customer.email)
    reset_token(db, customer)
    db.execute('UPDATE customer SET meta_data = \'{"vip": [1, null, {"since": "2020-01-01"}]}\'')
    columns = "kind, recipient, customer_id"
    db.execute(f"INSERT INTO outbox_mail ({columns}) SELECT 'email_changed', email, customer_id FROM customer")
    for table in ("customer", "customer_address", "reset_password_token", "outbox_mail"):
        db.execute(f"UPDATE {table} SET created_at = '{TIME}Z'")
    db.execute(f"UPDATE login_network SET last_login_at = '{TIME}Z'")
    return customer


def test_it_holds_everything_that_is_stored(known: Account, db: Db) -> None:
    person = export(known)

    assert list(person) == OWN + LISTS
    assert known.sid not in json.dumps(person)
    own = {"uuid": known.uuid, "email": known.email, "group_name": "Default", "created_at": TIME, "pending": False}
    assert person.items() >= {**own, "meta_data": {"vip": [1, None, {"since": "2020-01-01"}]}}.items()
    (address,) = person["addresses"]
    assert address.items() >= {**ADDRESS, "country": "US", "is_default": False, "created_at": TIME}.items()
    sessions = db.all("SELECT uuid::text, host(ip) AS ip, user_agent FROM login_session ORDER BY created_at")
    assert [{name: each[name] for name in ("uuid", "ip", "user_agent")} for each in person["sessions"]] == sessions
    assert len(sessions) == 2
    assert person["networks"] == [{"network": "127.0.0.1/32", "last_login_at": TIME}]
    assert person["password_resets"] == [{"created_at": TIME}]
    mail = {"kind": "email_changed", "recipient": known.email, "created_at": TIME, "sent_at": None, "failed_at": None}
    assert person["mails"] == [mail]
    recorded = [("login_succeeded", "customer", "127.0.0.1")] * 2 + [("customer_registered", "anonymous", "127.0.0.1")]
    assert [(entry["event"], entry["actor"], entry["ip"]) for entry in person["audit"]] == recorded

    # Every table and column that knows a customer is in it, or has a reason.
    columns: dict[str, set[str]] = {}
    for row in db.all("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"):
        columns.setdefault(row["table_name"], set()).add(row["column_name"])
    knowing = {table: found for table, found in columns.items() if found & {"customer_id", "subject_uuid"}}
    assert set(knowing) == set(PLACES)
    for table, (place, left_out) in PLACES.items():
        told = person if place is None else person[place][0]
        assert knowing[table] - set(told) == left_out, table


def test_it_is_a_file_and_holds_nothing_of_others(known: Account, admin: Account, other: Account) -> None:
    admin.client.patch(other.path, json={"group_id": 1})

    responses = [client.get(f"{known.path}/export") for client in (known.client, admin.client)]
    person = export(other)

    assert data_of(responses[0]) == data_of(responses[1])
    for response in responses:
        assert response.headers["Content-Disposition"] == f'attachment; filename="customer-{known.uuid}.json"'
    assert [len(person[name]) for name in LISTS] == [0, 1, 1, 0, 0, 3]
    acted = {name: person["audit"][0][name] for name in ("actor", "ip", "user_agent")}
    assert acted == {"actor": "admin", "ip": None, "user_agent": None}  # nor where an admin was
    assert known.email not in json.dumps(person)
    assert admin.uuid not in json.dumps(person)


def test_mail_is_told_to_whom_it_was_for(customer: Account, other: Account, db: Db) -> None:
    """An e-mail is free again when its account is deleted or takes another one, and anybody may register with it."""
    upper = customer.email.upper()
    for kind, recipient, sent, failed, owner in (
        ("reset_password", upper, None, None, None),  # not matched with its account yet
        ("email_changed", other.email, None, None, customer.uuid),
        ("reset_password", f"x{customer.email}", None, None, None),
        ("reset_password", customer.email, TIME, None, None),
        ("reset_password", customer.email, None, TIME, None),
        ("email_changed", customer.email, None, None, None),
    ):
        db.execute(
            "INSERT INTO outbox_mail (kind, recipient, sent_at, failed_at, customer_id)"
            " VALUES (%s, %s, %s, %s, (SELECT customer_id FROM customer WHERE uuid = %s))",
            *(kind, recipient, sent, failed, owner),
        )

    assert sorted(mail["recipient"] for mail in export(customer)["mails"]) == sorted([upper, other.email])
    assert export(other)["mails"] == []


def test_of_the_trail_it_holds_the_newest_10000_entries(customer: Account, db: Db) -> None:
    """Cause: the trail grows with every login, and so did this answer, without end."""
    db.execute(
        "INSERT INTO audit_log (event, actor_kind, subject_kind, subject_uuid, request_id, details)"
        " SELECT 'login_failed', 'anonymous', 'customer', %s, n, '{}' FROM generate_series(1, 10005) AS n",
        customer.uuid,
    )

    entries = export(customer)["audit"]

    assert [entry["request_id"] for entry in entries] == [str(number) for number in range(10005, 5, -1)]
