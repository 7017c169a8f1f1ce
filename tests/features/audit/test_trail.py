"""The audit trail: what is recorded and in the log, how it is kept, and how it is read."""

import logging
import re
from collections.abc import Callable
from typing import Any, get_args

import psycopg
import pytest
from flask import Flask

from customers.security.trail import Event
from customers.telemetry.logs import JsonFormatter
from tests.conftest import Account
from tests.support.acts import ACTS, AGENT, ANYTHING, REQUEST, Shop
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, GROUPS, MISSING, NEW, NEW_PASSWORD
from tests.support.database import Db

TABLES = {"customer": "customer", "admin": "admin_user", "group": "customer_group"}


@pytest.fixture
def make_app(app: Flask, app_with: Callable[..., Flask]) -> Callable[..., Flask]:
    return app_with


@pytest.mark.parametrize("name", ACTS)
def test_an_act_leaves_a_row_and_a_line_without_secrets(
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
    secrets |= shop.secrets() | set(re.findall(r'"sid": ?"([^"]+)', getattr(answer, "text", "")))
    left = f"{JsonFormatter().format(line)} {rows}"
    assert [secret for secret in secrets if secret in left] == []
    assert "@" not in left


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


def test_what_is_not_done_is_not_recorded_and_one_act_leaves_a_row_for_each_security_event(
    shop: Shop, recorded: Recorded
) -> None:
    for method, path, body, status in (
        ("POST", CUSTOMERS, {**NEW, "email": shop.customer.email}, 409),
        ("PATCH", shop.path, {"group_id": 999999}, 400),
        ("DELETE", f"{CUSTOMERS}/{MISSING}", None, 404),
        ("DELETE", f"{shop.path}/sessions/{MISSING}", None, 404),
        ("POST", GROUPS, {"group_name": "default"}, 409),
        ("POST", "/api/customers/password", {"token": "none", "password": NEW_PASSWORD}, 400),
        ("POST", "/customers/logout", None, 200),
    ):
        response = shop.admin.client.open(path, method=method, json=body)
        assert (response.status_code, recorded()) == (status, ([], [])), path

    changes = {"email": "b@example.com", "password": NEW_PASSWORD, "status": "0", "group_id": shop.group_id}
    shop.admin.client.patch(shop.path, json={**changes, "full_name": "B"})
    events = ["password_changed", "email_changed", "status_changed", "group_changed", "customer_updated"]
    assert recorded() == (events, events)
    assert shop.entries()[-1]["details"] == {"fields": ["full_name"]}


def test_what_cannot_be_recorded_or_committed_is_not_done(shop: Shop, recorded: Recorded) -> None:
    client, db = shop.admin.client, shop.db
    before = data_of(client.get(shop.path))
    function = "FUNCTION test_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    for fault in (
        "TRIGGER test_fail BEFORE INSERT ON audit_log",
        "CONSTRAINT TRIGGER test_fail AFTER UPDATE OR DELETE ON customer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
    ):
        db.execute(f"CREATE {function}; CREATE {fault} EXECUTE FUNCTION test_fail()")
        try:
            answers = [client.patch(shop.path, json={name: "b@example.com"}) for name in ("email", "full_name")]
            answers.append(client.delete(shop.path))
        finally:
            db.execute("DROP FUNCTION test_fail CASCADE")
        for answer in answers:
            refused(answer, 500, "internal_error")
        assert (data_of(client.get(shop.path)), recorded()) == (before, ([], []))


def test_an_import_leaves_a_row_for_each_batch_and_each_new_group(shop: Shop, recorded: Recorded) -> None:
    row = {"email": "b@example.com", "full_name": "B", "password_hash": "!", "group": "Made"}

    for _ in range(2):
        result = shop.load_json(row, options=("--create-groups", "--without-passwords", "--lenient"))
        assert result.exit_code == 0, result.output
    shop.load_json({**row, "email": "c@example.com", "group": "Other"}, options=("--create-groups", "--dry-run"))

    assert recorded()[0] == ["group_created", "customers_imported"]


def test_rows_cannot_be_changed_or_deleted_by_mistake(customer: Account, db: Db) -> None:
    before = db.all("SELECT * FROM audit_log ORDER BY 1")

    for statement, purging in (
        ("UPDATE audit_log SET event = 'x'", "on"),
        ("DELETE FROM audit_log", ""),
        ("TRUNCATE audit_log", "on"),
    ):
        db.execute("SELECT set_config('customers.purge_audit', %s, false)", purging)
        with pytest.raises(psycopg.errors.RestrictViolation, match="only added"):
            db.execute(statement)
    assert db.all("SELECT * FROM audit_log ORDER BY 1") == before != []


def test_purging_what_is_old_is_recorded_batch_by_batch(app: Flask, db: Db) -> None:
    for args, days in ((["--older-than", "30"], 30), ([], 400)):
        db.empty_audit_log()
        db.execute(
            "INSERT INTO audit_log (created_at, event, actor_kind, details)"
            " SELECT now() - make_interval(days => %s) + n * interval '4 minutes', 'login_failed', 'anonymous', '{}'"
            "   FROM generate_series(-10004, 2) AS n",
            days,
        )
        assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0  # which leaves the trail alone

        result = app.test_cli_runner().invoke(args=["purge-audit", *args])

        assert (result.exit_code, result.output) == (0, "Deleted 10005 audit entries.\n")
        rows = db.all("SELECT event, actor_kind, details FROM audit_log ORDER BY audit_log_id")
        purged = [("audit_purged", "operator", {"entries": n, "older_than_days": days}) for n in (10_000, 5)]
        assert [tuple(row.values()) for row in rows] == [("login_failed", "anonymous", {})] * 2 + purged


def trail(admin: Account, path: str, query: str = "") -> Any:
    return data_of(admin.client.get(f"{path}/audit{query}"))


def test_it_is_read_newest_first_in_pages_and_kept_after_a_deletion(
    customer: Account, admin: Account, group: dict[str, Any]
) -> None:
    headers = {"User-Agent": "Tester/1.0", "X-Request-ID": "find-me"}
    data_of(admin.client.patch(customer.path, json={"status": 0}, headers=headers))

    newest, *others = trail(admin, customer.path)

    registered = ("customer_registered", {"kind": "anonymous", "uuid": None})
    signed_in = ("login_succeeded", {"kind": "customer", "uuid": customer.uuid})
    assert [(entry["event"], entry["actor"]) for entry in others] == [signed_in, registered]
    assert newest["audit_log_id"] > others[0]["audit_log_id"] > others[1]["audit_log_id"]
    assert newest.items() >= {
        "event": "status_changed", "actor": {"kind": "admin", "uuid": admin.uuid}, "ip": "127.0.0.1",
        "user_agent": "Tester/1.0", "request_id": "find-me", "details": {"from": 1, "to": 0, "sessions_ended": 1},
    }.items()  # fmt: skip
    assert [trail(admin, customer.path, f"?limit=1&page={page}") for page in (2, 4)] == [others[:1], []]
    assert admin.client.get(f"{customer.path}/audit").get_json()["meta"]["total"] == 3

    data_of(admin.client.delete(customer.path))
    kept = [entry["event"] for entry in trail(admin, customer.path)]
    assert kept == ["customer_deleted", "status_changed", "login_succeeded", "customer_registered"]
    for uuid in (MISSING, admin.uuid, group["uuid"]):  # which never were a customer's
        refused(admin.client.get(f"{CUSTOMERS}/{uuid}/audit"), 404, "customer_not_found")
