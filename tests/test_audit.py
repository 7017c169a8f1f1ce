"""The audit trail: what may be in it, that it is whole, and how it is read."""

import logging
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask

from tests.support.trail import NEW_PASSWORD, TOKEN, Shop, shop
from tests.conftest import Account
from tests.support.database import Db
from tests.support.service import ANN

__all__ = ["shop"]


# ---------------------------------------------------------------- what is in it


def test_one_act_leaves_a_row_for_each_security_event(shop: Shop) -> None:
    changes = {
        "email": "b@example.com",
        "password": NEW_PASSWORD,
        "status": "0",
        "group_id": shop.group_id,
        "full_name": "B",
    }

    shop.admin.client.patch(shop.path, json=changes)

    found = {entry["event"]: entry for entry in shop.entries()}
    assert list(found) == ["password_changed", "email_changed", "status_changed", "group_changed", "customer_updated"]
    assert found["customer_updated"]["details"] == {"fields": ["full_name"]}
    assert {entry["request_id"] for entry in found.values()} == {"request-4711"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/customers", {**ANN, "email": "customer1@example.com"}, 409),
        ("PATCH", "{own}", {"email": "customer1@example.com", "status": 7}, 400),
        ("PATCH", "{own}", {"group_id": 999999}, 400),
        ("DELETE", "/api/customers/00000000-0000-0000-0000-000000000001", None, 404),
        ("DELETE", "{own}/sessions/00000000-0000-0000-0000-000000000001", None, 404),
        ("POST", "/api/customer-groups", {"group_name": "default"}, 409),
        ("POST", "/api/customers/password", {"token": "none", "password": NEW_PASSWORD}, 400),
        ("POST", "/customers/logout", None, 200),
    ],
)
def test_what_was_not_done_leaves_no_row_and_no_line(
    shop: Shop, caplog: pytest.LogCaptureFixture, method: str, path: str, body: object, status: int
) -> None:
    caplog.set_level(logging.INFO, "customers.security")

    response = shop.admin.client.open(path.replace("{own}", shop.path), method=method, json=body)

    assert response.status_code == status, response.text
    assert shop.entries() == []
    assert [record for record in caplog.records if record.name == "customers.security"] == []


def test_an_act_whose_row_cannot_be_written_is_not_done_and_not_logged(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "customers.security")
    shop.db.execute("ALTER TABLE audit_log ADD CONSTRAINT test_full CHECK (event <> 'customer_deleted')")
    try:
        response = shop.admin.client.delete(shop.path)
    finally:
        shop.db.execute("ALTER TABLE audit_log DROP CONSTRAINT test_full")

    assert response.status_code == 500
    assert shop.admin.client.get(shop.path).status_code == 200
    assert [record for record in caplog.records if record.name == "customers.security"] == []


def test_a_commit_that_fails_is_not_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "customers.security")
    shop.db.execute(
        "CREATE FUNCTION test_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$"
    )
    shop.db.execute(
        "CREATE CONSTRAINT TRIGGER test_fail AFTER UPDATE ON customer DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION test_fail()"
    )
    try:
        response = shop.admin.client.patch(shop.path, json={"full_name": "Other"})
    finally:
        shop.db.execute("DROP FUNCTION test_fail CASCADE")

    assert response.status_code == 500
    assert shop.entries() == []
    assert [record for record in caplog.records if record.name == "customers.security"] == []


def test_a_request_sent_again_is_recorded_once(shop: Shop) -> None:
    for _ in range(2):
        shop.admin.client.post("/api/customers", json=ANN, headers={"Idempotency-Key": "a-key"})

    assert [entry["event"] for entry in shop.entries()] == ["customer_created"]


def test_of_many_who_use_one_token_one_leaves_a_row(shop: Shop) -> None:
    body = {"token": TOKEN, "password": NEW_PASSWORD}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: shop.anonymous.post("/api/customers/password", json=body), range(8)))

    assert [entry["event"] for entry in shop.entries()] == ["password_reset"]


def test_an_import_leaves_a_row_a_batch_and_one_for_each_group_and_none_if_nothing_changes(shop: Shop) -> None:
    row = {"email": "b@example.com", "full_name": "B", "password_hash": "!", "group": "Made"}

    for _ in range(2):
        result = shop.load(row, options=("--create-groups", "--without-passwords", "--lenient"))
        assert result.exit_code == 0, result.output
    shop.load({**row, "email": "c@example.com", "group": "Other"}, options=("--create-groups", "--dry-run"))

    assert [(entry["event"], entry["actor_kind"]) for entry in shop.entries()] == [
        ("group_created", "operator"),
        ("customers_imported", "operator"),
    ]


def test_a_known_and_an_unknown_address_leave_the_same_but_for_whose_it_is(shop: Shop) -> None:
    for email in (shop.customer.email, "nobody@example.com"):
        shop.anonymous.post("/customer/login", json={"email": email, "password": "wrong password"})

    known, unknown = shop.entries()
    whose = {"subject_kind": None, "subject_uuid": None}
    assert (known["subject_kind"], known["subject_uuid"]) == ("customer", shop.customer.uuid)
    assert {**known, **whose} == unknown


# ---------------------------------------------------------------- how it is kept


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET event = 'x'",
        "UPDATE audit_log SET event = 'x' WHERE false",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ],
)
def test_rows_cannot_be_changed_or_deleted_by_mistake_even_by_the_owner(
    customer: Account, db: Db, statement: str
) -> None:
    before = db.all("SELECT * FROM audit_log ORDER BY 1")

    with pytest.raises(psycopg.errors.RestrictViolation, match="only added"):
        db.execute(statement)

    assert db.all("SELECT * FROM audit_log ORDER BY 1") == before != []


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET event = 'x'", "TRUNCATE audit_log"])
def test_no_setting_lets_rows_be_changed(customer: Account, db: Db, statement: str) -> None:
    db.execute("SET customers.purge_audit = on")
    try:
        with pytest.raises(psycopg.errors.RestrictViolation, match="only added"):
            db.execute(statement)
    finally:
        db.execute("RESET customers.purge_audit")


def age(db: Db, days: int, entries: int) -> None:
    """Add entries of a while ago."""
    db.execute(
        "INSERT INTO audit_log (created_at, event, actor_kind, details) "
        f"SELECT now() - interval '{days} days', 'login_failed', 'anonymous', '{{}}' FROM generate_series(1, {entries})"
    )


def test_the_operator_purges_what_is_old_in_batches_and_that_is_recorded(app: Flask, db: Db) -> None:
    age(db, 31, 5)
    age(db, 29, 2)

    result = app.test_cli_runner().invoke(args=["purge-audit", "--older-than", "30", "--batch", "2"])

    assert (result.exit_code, result.output) == (0, "Deleted 5 audit entries.\n")
    found = db.all("SELECT event, actor_kind, details FROM audit_log ORDER BY audit_log_id")
    assert [entry["event"] for entry in found] == ["login_failed"] * 2 + ["audit_purged"] * 3
    assert {entry["actor_kind"] for entry in found[2:]} == {"operator"}
    assert sum(entry["details"]["entries"] for entry in found[2:]) == 5
    assert db.all("SELECT current_setting('customers.purge_audit', true) AS left")[0]["left"] in (None, "")


def test_the_daily_purge_leaves_it_alone(app: Flask, db: Db) -> None:
    age(db, 4000, 3)

    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0

    assert len(db.all("SELECT FROM audit_log")) == 3


@pytest.mark.parametrize("days", ["0", "-1", "x", None])
def test_a_purge_needs_a_number_of_days(app: Flask, db: Db, days: str | None) -> None:
    age(db, 4000, 1)

    result = app.test_cli_runner().invoke(args=["purge-audit", *(["--older-than", days] if days else [])])

    assert result.exit_code == 2
    assert len(db.all("SELECT FROM audit_log")) == 1
