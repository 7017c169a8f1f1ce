"""The audit trail: what is recorded and in the log, how it is kept, and how it is read."""

import logging
from collections.abc import Callable
from typing import Any, get_args

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from customers.context import Context
from customers.features.audit.service import purge
from customers.security.trail import Event
from customers.telemetry.logs import JsonFormatter
from tests.conftest import Account
from tests.support.acts import ACTS, AGENT, ANYTHING, REQUEST, Shop
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, GROUPS, MISSING, NEW, NEW_PASSWORD
from tests.support.database import Db

TABLES = {"customer": "customer", "admin": "admin_user", "group": "customer_group"}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_leaves_a_row_if_it_is_one_of_security_and_a_line_in_the_log_and_no_secret(
    shop: Shop, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    act = ACTS[name]
    caplog.set_level(logging.INFO, "customers.security")
    secrets = shop.secrets()

    answer = act.do(shop)

    (line,) = [record for record in caplog.records if record.name == "customers.security"]
    told = line.__dict__["fields"]
    uuids = {"customer": shop.customer.uuid, "admin": shop.admin.uuid, "group": shop.group}
    assert (line.message, line.levelname) == (act.event, "WARNING" if act.event.endswith("_failed") else "INFO")
    assert (told["event"], told["actor"]) == (act.event, {"kind": act.actor, "uuid": uuids.get(act.actor)})
    assert told["client"] == (None if act.actor == "operator" else "203.0.113.9")
    details = {key: ANYTHING if act.details.get(key) is ANYTHING else value for key, value in told["details"].items()}
    assert details == act.details
    if act.subject == "new":
        assert told["subject"]["uuid"] not in uuids.values()
        assert shop.db.all(f"SELECT FROM {TABLES[told['subject']['kind']]} WHERE uuid = %s", told["subject"]["uuid"])
    else:
        assert told["subject"] == (act.subject and {"kind": act.subject, "uuid": uuids[act.subject]})

    rows = shop.entries()
    if act.is_a_row:
        where = (None, None) if act.actor == "operator" else (AGENT, REQUEST)
        subject = told["subject"] or {"kind": None, "uuid": None}
        assert rows == [
            {"event": act.event, "actor_kind": act.actor, "actor_uuid": told["actor"]["uuid"], "is_new": True,
             "subject_kind": subject["kind"], "subject_uuid": subject["uuid"], "details": told["details"],
             "ip": told["client"], "user_agent": where[0], "request_id": where[1]}
        ]  # fmt: skip
    else:
        assert rows == []
    secrets |= shop.secrets() | sids(answer)
    left = f"{JsonFormatter().format(line)} {rows}"
    assert [secret for secret in secrets if secret in left] == []
    assert "@" not in left


def sids(answer: Any) -> set[str]:
    """Return the sid that a login answers."""
    body = answer.get_json(silent=True) if isinstance(answer, TestResponse) else None
    return {body["data"]["sid"]} if body and "sid" in body.get("data", {}) else set()


def test_every_event_is_done_here_or_elsewhere() -> None:
    elsewhere = {"audit_purged", "login_throttled"}  # below, and tests/security/test_guessing.py

    assert {act.event for act in ACTS.values()} | elsewhere == set(get_args(Event))


Recorded = Callable[[], tuple[list[str], list[str]]]


@pytest.fixture
def recorded(shop: Shop, caplog: pytest.LogCaptureFixture) -> Recorded:
    """Return a function that returns the events in the trail and in the security log."""
    caplog.set_level(logging.INFO, "customers.security")
    return lambda: (
        [entry["event"] for entry in shop.entries()],
        [record.message for record in caplog.records if record.name == "customers.security"],
    )


def test_one_act_leaves_a_row_for_each_security_event(shop: Shop, recorded: Recorded) -> None:
    changes = {"email": "b@example.com", "password": NEW_PASSWORD, "status": "0", "group_id": shop.group_id}

    shop.admin.client.patch(shop.path, json={**changes, "full_name": "B"})

    events = ["password_changed", "email_changed", "status_changed", "group_changed", "customer_updated"]
    assert recorded() == (events, events)
    assert shop.entries()[-1]["details"] == {"fields": ["full_name"]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", CUSTOMERS, {**NEW, "email": "customer1@example.com"}, 409),
        ("PATCH", "{own}", {"group_id": 999999}, 400),
        ("DELETE", f"{CUSTOMERS}/{MISSING}", None, 404),
        ("DELETE", f"{{own}}/sessions/{MISSING}", None, 404),
        ("POST", GROUPS, {"group_name": "default"}, 409),
        ("POST", "/api/customers/password", {"token": "none", "password": NEW_PASSWORD}, 400),
        ("POST", "/customers/logout", None, 200),
    ],
)
def test_what_is_not_done_is_not_recorded(
    shop: Shop, recorded: Recorded, method: str, path: str, body: object, status: int
) -> None:
    response = shop.admin.client.open(path.replace("{own}", shop.path), method=method, json=body)

    assert (response.status_code, recorded()) == (status, ([], []))


@pytest.mark.parametrize("act", ["delete", "email", "full_name"])
@pytest.mark.parametrize(
    "fault",
    ["TRIGGER test_fail BEFORE INSERT ON audit_log",
     "CONSTRAINT TRIGGER test_fail AFTER UPDATE OR DELETE ON customer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"],
    ids=["the row", "the commit"],
)  # fmt: skip
def test_what_cannot_be_recorded_or_committed_is_not_done(shop: Shop, recorded: Recorded, act: str, fault: str) -> None:
    client, db = shop.admin.client, shop.db
    before = data_of(client.get(shop.path))
    db.execute("CREATE FUNCTION test_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$")
    db.execute(f"CREATE {fault} EXECUTE FUNCTION test_fail()")
    try:
        response = client.delete(shop.path) if act == "delete" else client.patch(shop.path, json={act: "b@example.com"})
    finally:
        db.execute("DROP FUNCTION test_fail CASCADE")

    refused(response, 500, "internal_error")
    assert (data_of(client.get(shop.path)), recorded()) == (before, ([], []))


def test_an_import_leaves_a_row_for_each_batch_and_each_new_group(shop: Shop, recorded: Recorded) -> None:
    row = {"email": "b@example.com", "full_name": "B", "password_hash": "!", "group": "Made"}

    for _ in range(2):
        result = shop.load(row, options=("--create-groups", "--without-passwords", "--lenient"))
        assert result.exit_code == 0, result.output
    shop.load({**row, "email": "c@example.com", "group": "Other"}, options=("--create-groups", "--dry-run"))

    assert recorded()[0] == ["group_created", "customers_imported"]


@pytest.mark.parametrize(
    ("statement", "purging"),
    [("UPDATE audit_log SET event = 'x'", True), ("UPDATE audit_log SET event = 'x' WHERE false", False),
     ("DELETE FROM audit_log", False), ("TRUNCATE audit_log", False), ("TRUNCATE audit_log", True)],
)  # fmt: skip
def test_rows_cannot_be_changed_or_deleted_by_mistake(customer: Account, db: Db, statement: str, purging: bool) -> None:
    before = db.all("SELECT * FROM audit_log ORDER BY 1")
    db.execute("SELECT set_config('customers.purge_audit', %s, false)", "on" if purging else "")

    with pytest.raises(psycopg.errors.RestrictViolation, match="only added"):
        db.execute(statement)

    assert db.all("SELECT * FROM audit_log ORDER BY 1") == before != []


def age(db: Db, days: int, entries: int) -> None:
    """Add entries of a while ago."""
    db.execute(
        "INSERT INTO audit_log (created_at, event, actor_kind, details)"
        " SELECT now() - make_interval(days => %s), 'login_failed', 'anonymous', '{}' FROM generate_series(1, %s)",
        *(days, entries),
    )


@pytest.mark.parametrize(("args", "days"), [(["--older-than", "30"], 30), ([], 400)])
def test_purging_what_is_old_is_recorded(app: Flask, db: Db, args: list[str], days: int) -> None:
    age(db, days + 1, 5)
    age(db, days - 1, 2)

    result = app.test_cli_runner().invoke(args=["purge-audit", *args])

    assert (result.exit_code, result.output) == (0, "Deleted 5 audit entries.\n")
    found = db.all("SELECT event, actor_kind, details FROM audit_log ORDER BY audit_log_id")
    assert [entry["event"] for entry in found] == ["login_failed"] * 2 + ["audit_purged"]
    assert (found[2]["actor_kind"], found[2]["details"]) == ("operator", {"entries": 5, "older_than_days": days})


def test_each_batch_of_a_purge_is_an_entry(ctx: Context, db: Db) -> None:
    age(db, 31, 5)

    assert purge(ctx, days=30, batch=2) == 5

    assert [entry["details"]["entries"] for entry in db.all("SELECT details FROM audit_log")] == [2, 2, 1]


@pytest.mark.parametrize("args", [["purge"], *(["purge-audit", "--older-than", days] for days in ("0", "-1", "x"))])
def test_no_other_command_purges_it(app: Flask, db: Db, args: list[str]) -> None:
    age(db, 4000, 3)

    assert app.test_cli_runner().invoke(args=args).exit_code == (0 if args == ["purge"] else 2)

    assert len(db.all("SELECT FROM audit_log")) == 3


def trail(admin: Account, path: str, query: str = "") -> dict[str, Any]:
    response = admin.client.get(f"{path}/audit{query}")
    data_of(response)
    found: dict[str, Any] = response.get_json()
    return found


def test_it_is_the_newest_first_with_who_when_and_from_where(customer: Account, admin: Account) -> None:
    headers = {"User-Agent": "Tester/1.0", "X-Request-ID": "find-me"}
    data_of(admin.client.patch(customer.path, json={"status": 0}, headers=headers))

    newest, *others = trail(admin, customer.path)["data"]

    assert [(entry["event"], entry["actor"]) for entry in others] == [
        ("login_succeeded", {"kind": "customer", "uuid": customer.uuid}),
        ("customer_registered", {"kind": "anonymous", "uuid": None}),
    ]
    assert newest["audit_log_id"] > others[0]["audit_log_id"] > others[1]["audit_log_id"]
    assert newest.items() >= {
        "event": "status_changed", "actor": {"kind": "admin", "uuid": admin.uuid}, "ip": "127.0.0.1",
        "user_agent": "Tester/1.0", "request_id": "find-me", "details": {"from": 1, "to": 0, "sessions_ended": 1},
    }.items()  # fmt: skip
    assert list(newest) == ["audit_log_id", "created_at", "event", "actor", "ip", "user_agent", "request_id", "details"]


def test_it_comes_in_pages_whose_links_keep_the_limit(customer: Account, admin: Account) -> None:
    for name in "abc":
        data_of(customer.client.patch(customer.path, json={"full_name": name}))

    pages = [trail(admin, customer.path, f"?limit=2&page={page}") for page in (1, 2, 3, 4)]

    assert [len(page["data"]) for page in pages] == [2, 2, 1, 0]
    ids = [entry["audit_log_id"] for page in pages for entry in page["data"]]
    assert ids == sorted(ids, reverse=True)
    path = f"{customer.path}/audit"
    numbers = {"first": 1, "last": 3, "prev": 1, "next": 3}
    assert pages[1]["links"] == {name: f"{path}?page={number}&limit=2" for name, number in numbers.items()}
    assert pages[1]["meta"] == {
        "current_page": 2, "from": 3, "last_page": 3, "path": path, "per_page": 2, "to": 4, "total": 5
    }  # fmt: skip


def test_a_deleted_customers_trail_is_kept_and_who_never_was_a_customer_is_not_found(
    customer: Account, other: Account, admin: Account, group: dict[str, Any]
) -> None:
    data_of(customer.client.delete(customer.path))

    found = trail(admin, customer.path)["data"]

    assert [entry["event"] for entry in found] == ["customer_deleted", "login_succeeded", "customer_registered"]
    for uuid in (MISSING, admin.uuid, group["uuid"]):
        refused(admin.client.get(f"{CUSTOMERS}/{uuid}/audit"), 404, "customer_not_found")
