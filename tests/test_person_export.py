"""Everything stored about a person, as one document, and no secret (CONTRACT section 9)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, PASSWORD, Account, log_in, new_client
from tests.support.database import Db

NOBODYS = "/api/customers/00000000-0000-0000-0000-000000000001/export"
TIME = "2026-01-31 12:00:00"
CUSTOMER = [
    "customer_id", "uuid", "status", "group_id", "email", "full_name", "created_at", "updated_at", "group_name",
    "meta_data", "addresses", "sessions", "networks", "password_resets", "mails", "remembered_answers", "audit",
]  # fmt: skip
# Each table that knows a customer -> its name in the document; and those of its columns that are not, with
# the reason. A new table or column fails the test until it is exported or has a reason here.
PLACES = {
    "customer": None,
    "customer_address": "addresses",
    "login_session": "sessions",
    "login_network": "networks",
    "reset_password_token": "password_resets",
    "outbox_mail": "mails",
    "idempotent_answer": "remembered_answers",
    "audit_log": "audit",
}
OWNER = "the customer's own id stands at the top"
SECRET = "a secret, or made of one"
MACHINERY = "how the service goes about it, and nothing about the person"
LEFT_OUT = {
    ("customer", "password"): SECRET,
    ("customer_address", "customer_id"): OWNER,
    ("login_session", "customer_id"): OWNER,
    ("login_session", "admin_user_id"): "null where a customer is the owner",
    ("login_session", "digest"): SECRET,
    ("login_network", "customer_id"): OWNER,
    ("login_network", "admin_user_id"): "null where a customer is the owner",
    ("login_network", "login_network_id"): MACHINERY,
    ("reset_password_token", "customer_id"): OWNER,
    ("reset_password_token", "token"): SECRET,
    ("reset_password_token", "reset_password_token_id"): MACHINERY,
    ("outbox_mail", "customer_id"): OWNER,
    ("outbox_mail", "outbox_mail_id"): MACHINERY,
    ("outbox_mail", "next_attempt_at"): MACHINERY,
    ("outbox_mail", "attempts"): MACHINERY,
    ("outbox_mail", "last_error"): MACHINERY,
    ("idempotent_answer", "customer_id"): OWNER,
    ("idempotent_answer", "digest"): SECRET,
    ("idempotent_answer", "body_digest"): SECRET,
    ("idempotent_answer", "headers"): "the path and the version of what is in the body",
    ("audit_log", "audit_log_id"): MACHINERY,
    ("audit_log", "actor_kind"): "it is called actor",
    ("audit_log", "actor_uuid"): "the customer's own, or that of one of the shop's staff",
    ("audit_log", "subject_kind"): OWNER,
    ("audit_log", "subject_uuid"): OWNER,
}


def export(client: CheckingClient, account: Account) -> dict[str, Any]:
    response = client.get(f"{account.path}/export")
    assert response.status_code == 200, response.text
    person: dict[str, Any] = response.get_json()["data"]
    return person


@pytest.fixture
def known(customer: Account, db: Db) -> Account:
    """Return a customer of whom every table knows something."""
    customer.client.post(f"{customer.path}/addresses", json=ADDRESS, headers={"Idempotency-Key": "a-key"})
    log_in(customer.client, customer.email)
    own = db.one("SELECT customer_id FROM customer WHERE uuid = %s", customer.uuid)["customer_id"]
    db.execute("INSERT INTO reset_password_token (customer_id, token) VALUES (%s, repeat('ab', 32))", own)
    db.execute('UPDATE customer SET meta_data = \'{"vip": [1, null, {"since": "2020-01-01"}]}\'')
    for kind, sent in (("password_changed", TIME), ("email_changed", None)):
        db.execute(
            "INSERT INTO outbox_mail (kind, recipient, customer_id, sent_at, last_error) VALUES (%s, %s, %s, %s, 'x')",
            *(kind, customer.email, own, sent),
        )
    for table, column in (
        ("customer", "updated_at"),
        ("customer_address", "created_at"),
        ("login_session", "last_seen_at"),
        ("login_network", "last_login_at"),
        ("reset_password_token", "created_at"),
        ("outbox_mail", "created_at"),
        ("idempotent_answer", "created_at"),
    ):
        now = "now()" if table == "login_session" else f"'{TIME}Z'"
        db.execute(f"UPDATE {table} SET {column} = {now}")
    return customer


def test_it_holds_everything_that_is_stored(known: Account, db: Db) -> None:
    person = export(known.client, known)

    assert list(person) == CUSTOMER
    assert (person["uuid"], person["email"], person["group_name"]) == (known.uuid, known.email, "Default")
    assert person["meta_data"] == {"vip": [1, None, {"since": "2020-01-01"}]}
    assert person["updated_at"] == TIME
    (address,) = person["addresses"]
    assert {name: address[name] for name in ADDRESS} == {**ADDRESS, "country": "US"}
    assert (address["is_default"], address["created_at"]) == (False, TIME)
    sessions = db.all("SELECT uuid::text, host(ip) AS ip, user_agent FROM login_session WHERE customer_id IS NOT NULL")
    assert len(sessions) == 2
    told = [{name: session[name] for name in ("uuid", "ip", "user_agent")} for session in person["sessions"]]
    assert sorted(told, key=str) == sorted(sessions, key=str)
    assert person["networks"] == [{"network": "127.0.0.1/32", "last_login_at": TIME}]
    assert person["password_resets"] == [{"created_at": TIME}]
    assert sorted(person["mails"], key=lambda mail: str(mail["kind"])) == [
        {"kind": kind, "recipient": known.email, "created_at": TIME, "sent_at": sent, "failed_at": None}
        for kind, sent in (("email_changed", None), ("password_changed", TIME))
    ]
    (answer,) = person["remembered_answers"]
    assert (answer["status"], answer["created_at"]) == (201, TIME)
    assert answer["body"]["data"]["uuid"] == address["uuid"]
    assert [(entry["event"], entry["actor"]) for entry in person["audit"]] == [
        ("customer_registered", "anonymous"),
        ("login_succeeded", "customer"),
        ("address_created", "customer"),
        ("login_succeeded", "customer"),
    ]
    assert {entry["ip"] for entry in person["audit"]} == {"127.0.0.1"}
    assert person["audit"][2]["details"] == {"address": address["uuid"]}


def test_every_table_and_column_that_knows_a_customer_is_in_it_or_has_a_reason(known: Account, db: Db) -> None:
    person = export(known.client, known)

    columns = db.all("""
        SELECT table_name, column_name
          FROM information_schema.columns AS each
         WHERE table_schema = 'public'
           AND EXISTS (SELECT
                         FROM information_schema.columns AS own
                        WHERE own.table_schema = 'public'
                          AND own.table_name = each.table_name
                          AND own.column_name IN ('customer_id', 'subject_uuid'))
    """)
    assert {column["table_name"] for column in columns} == set(PLACES)
    missing = set()
    for column in columns:
        table, name = column["table_name"], column["column_name"]
        place = PLACES[table]
        if name not in (person if place is None else person[place][0]):
            missing.add((table, name))
    assert missing == set(LEFT_OUT)


def test_it_holds_no_secret(known: Account, db: Db) -> None:
    text = json.dumps(export(known.client, known))

    secrets = [
        db.one("SELECT password FROM customer")["password"],
        db.one("SELECT token FROM reset_password_token")["token"],
        known.sid,
        PASSWORD,
        *(
            bytes(row["digest"]).hex()
            for row in db.all("SELECT digest FROM login_session UNION SELECT digest FROM idempotent_answer")
        ),
        *(bytes(row["body_digest"]).hex() for row in db.all("SELECT body_digest FROM idempotent_answer")),
    ]
    assert len(secrets) == 8
    assert [secret for secret in secrets if secret in text] == []


def test_it_is_the_same_for_the_owner_by_any_name_and_for_an_admin(known: Account, admin: Account) -> None:
    responses = [
        known.client.get(f"{known.path}/export"),
        known.client.get("/api/customers/me/export"),
        known.client.get(f"/api/customers/{known.uuid.upper().replace('-', '')}/export"),
        admin.client.get(f"{known.path}/export"),
    ]

    assert [response.status_code for response in responses] == [200] * 4
    assert len({response.data for response in responses}) == 1
    for response in responses:
        assert response.headers["Content-Disposition"] == f'attachment; filename="customer-{known.uuid}.json"'
        assert response.headers["Cache-Control"] == "no-store"
        assert response.mimetype == "application/json"


def test_nobody_else_gets_it(app: Flask, customer: Account, admin: Account, make_customer: Any) -> None:
    other = make_customer()

    assert new_client(app).get(f"{customer.path}/export").status_code == 401
    assert new_client(app).get("/api/customers/me/export").status_code == 401
    foreign, missing = other.client.get(f"{customer.path}/export"), other.client.get(NOBODYS)
    assert (foreign.status_code, missing.status_code) == (403, 403)
    assert foreign.get_json() == missing.get_json()
    assert admin.client.get("/api/customers/me/export").status_code == 403
    unknown = admin.client.get(NOBODYS)
    assert (unknown.status_code, unknown.get_json()["error"]["code"]) == (404, "customer_not_found")
    assert "Content-Disposition" not in unknown.headers


def test_it_holds_nothing_of_others(known: Account, make_customer: Callable[..., Account]) -> None:
    other = make_customer()

    person = export(other.client, other)

    assert [len(person[name]) for name in CUSTOMER[-7:]] == [0, 1, 1, 0, 0, 0, 2]
    assert known.email not in json.dumps(person)


def test_a_request_for_a_password_that_waits_is_known_by_its_address(customer: Account, db: Db) -> None:
    db.execute(
        "INSERT INTO outbox_mail (kind, recipient) VALUES ('reset_password', %s), ('reset_password', 'x@y.zz')",
        customer.email.upper(),
    )

    assert [mail["recipient"] for mail in export(customer.client, customer)["mails"]] == [customer.email.upper()]


@pytest.mark.parametrize(
    "former",
    ["('reset_password', %s, now(), NULL)", "('reset_password', %s, NULL, now())", "('email_changed', %s, NULL, NULL)"],
)
def test_mail_of_a_former_owner_of_the_address_is_not_told(customer: Account, db: Db, former: str) -> None:
    """An address is free again when its account is deleted or takes another one, and anybody may register with it."""
    db.execute(f"INSERT INTO outbox_mail (kind, recipient, sent_at, failed_at) VALUES {former}", customer.email)

    assert export(customer.client, customer)["mails"] == []


def test_mail_to_an_address_that_now_is_anothers_stays_with_whom_it_was_for(
    make_customer: Callable[..., Account], db: Db
) -> None:
    first, second = make_customer("a@example.com"), make_customer("b@example.com")
    own = db.one("SELECT customer_id FROM customer WHERE uuid = %s", first.uuid)["customer_id"]
    db.execute(
        "INSERT INTO outbox_mail (kind, recipient, customer_id) VALUES ('email_changed', %s, %s)", second.email, own
    )

    assert export(second.client, second)["mails"] == []
    assert [mail["recipient"] for mail in export(first.client, first)["mails"]] == [second.email]
