"""The commands of the operator: the schema, admins, purging. Mail is in tests/mail, files are in tests/bulk."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
from click.testing import Result
from flask import Flask

from customers.config import Settings
from customers.db import migrate
from customers.http import context
from tests.conftest import ADDRESS, EVERSHOP, PASSWORD, Account, Made, application, log_in
from tests.support.answers import data_of, refused
from tests.support.builders import ME
from tests.support.client import CheckingClient
from tests.support.database import Db

NOWHERE = "postgresql://127.0.0.1:1/none"
PURGED = "Deleted {} sessions, {} reset tokens, {} idempotency keys, {} mails, {} networks.\n"
LOGIN = "/admin/user/login"


def run(app: Flask, *args: str, stdin: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=args, input=stdin)


def create(app: Flask, email: str, *options: str, password: str = PASSWORD) -> Result:
    return run(app, "create-admin", email, *options, "--password-stdin", stdin=password)


def failed(result: Result, *said: str) -> None:
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert [words for words in said if words not in result.output] == []
    assert isinstance(result.exception, SystemExit)


def test_a_new_admin_can_sign_in_with_the_password_as_given(app: Flask, client: CheckingClient) -> None:
    """From standard input, whatever ends the line; or asked for twice, and not shown."""
    for number, ending in enumerate(["\n", "\r\n", ""]):
        email = f"Boss{number}@example.com"
        result = create(app, email, "--full-name", "The Boss", password=f" {PASSWORD} {ending}")
        assert (result.exit_code, result.output) == (0, f"Admin {email} created.\n")
        log_in(client, email.lower(), f" {PASSWORD} ", LOGIN)
    data_of(client.get("/api/customers"))

    asked = run(app, "create-admin", "a@example.com", "--full-name", "A", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert (asked.exit_code, PASSWORD in asked.output) == (0, False)
    log_in(client, "a@example.com", path=LOGIN)


def test_reset_password_enables_an_existing_admin(app: Flask, admin: Account, client: CheckingClient, db: Db) -> None:
    failed(create(app, admin.email.upper(), "--full-name", "Again", password="another password"), "exists")
    data_of(admin.client.get("/api/customers"))
    db.execute("UPDATE admin_user SET status = false")

    result = create(app, admin.email, "--reset-password", password="another password")

    assert (result.exit_code, "new password" in result.output) == (0, True)
    refused(admin.client.get("/api/customers"), 401, "not_authenticated")
    log_in(client, admin.email, "another password", LOGIN)
    assert db.one("SELECT full_name FROM admin_user") == {"full_name": "Adam Admin"}


def test_reset_password_creates_an_admin_who_is_missing(app: Flask, client: CheckingClient, db: Db) -> None:
    given = (app, " ann@b\u00fccher.example ", "--reset-password")
    assert create(*given).exit_code == 1

    assert create(*given, "--full-name", " Zoe\u0308 ", password="cafe\u0301 cafe\u0301").exit_code == 0

    stored = {"email": "ann@xn--bcher-kva.example", "full_name": "Zo\u00eb"}
    assert db.one("SELECT email, full_name FROM admin_user") == stored
    log_in(client, "ann@b\u00fccher.example", "caf\u00e9 caf\u00e9", LOGIN)


def test_wrong_usage_exits_with_2_and_a_reason(app: Flask, db: Db) -> None:
    for email, name, password, message in (
        ("no-address", "A", PASSWORD, "EMAIL"),
        ("a@example.com", " ", PASSWORD, "--full-name"),
        ("a@example.com", "", PASSWORD, "--full-name"),
        ("a@example.com", "A", "", "8 characters"),
        ("a@example.com", "A", "password1", "common"),
    ):
        result = create(app, email, *(["--full-name", name] if name else []), password=password)
        assert (result.exit_code, message in result.output) == (2, True), message
    assert db.all("SELECT FROM admin_user") == []


def test_init_db_may_be_repeated_and_what_the_database_refuses_is_one_line(
    make: Callable[..., Made], settings: Settings
) -> None:
    """Rows in its way; no schema to make tables in, as for a role that may not; no tables; no database."""
    (ctx, db), (other, _) = make(EVERSHOP), make("DROP SCHEMA public")
    shop, bare = application(ctx.settings), application(other.settings)

    failed(run(shop, "init-db"), "Jane@Example.com", "--repair-defaults")
    for options in (["--repair-defaults"], []):
        result = run(shop, "init-db", *options)
        assert (result.exit_code, result.output) == (0, f"The database schema is at version {migrate.version()}.\n")
    db.execute("UPDATE customers_schema SET version = 1000")
    result = run(shop, "init-db")
    assert (result.exit_code, "at version 1000: that of a newer release" in result.output) == (0, True)
    failed(run(shop, "init-db", "--recount"), "that of a newer release")
    failed(run(bare, "init-db"), "the database says: ")
    failed(run(bare, "purge"), "flask init-db")
    failed(run(application(replace(settings, database_url=NOWHERE)), "init-db"), "the database says: ")
    for app in (shop, bare):
        context.of(app).db.close()


def test_purge_deletes_what_has_ended_and_waits_for_nobody(
    app: Flask, client: CheckingClient, customer: Account, other: Account, db: Db
) -> None:
    db.execute(
        "INSERT INTO login_session (digest, customer_id, expires_at) SELECT sha256(n::text::bytea), customer_id, now()"
        "  FROM customer, generate_series(1, 1200) AS n WHERE uuid = %s",
        other.uuid,
    )
    db.execute(
        "INSERT INTO reset_password_token (customer_id, token, created_at)"
        " SELECT customer_id, 'x', now() - n * interval '59 min' FROM customer, generate_series(1, 2) AS n"
    )
    data_of(customer.client.post(f"{ME}/addresses", json=ADDRESS, headers={"Idempotency-Key": "x"}), 201)
    db.execute("UPDATE idempotency_key SET created_at = now() - interval '24 hours'")
    db.execute("UPDATE login_network SET last_login_at = now() - interval '31 days'")
    log_in(client, customer.email)

    with psycopg.connect(db.conninfo) as holder:
        holder.execute("SELECT FROM login_session WHERE expires_at <= now() LIMIT 2 FOR UPDATE")
        first = run(app, "purge")

    # Of the networks the other customer's; this one has just signed in from there.
    assert (first.exit_code, first.output) == (0, PURGED.format(1198, 2, 1, 0, 1))
    assert run(app, "purge").output == PURGED.format(2, 0, 0, 0, 0)
    data_of(customer.client.get(ME))
    assert len(db.all("SELECT FROM reset_password_token")) == 2
