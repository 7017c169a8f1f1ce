"""The commands of the operator: the schema, admins, purging. Mail is in tests/mail, files are in tests/bulk."""

from collections.abc import Callable
from dataclasses import replace

import click
import psycopg
import pytest
from click.testing import Result
from flask import Flask

from customers.config import Settings
from customers.context import Context
from customers.db import migrate
from customers.db.purge import purge
from customers.http import context
from tests.conftest import EVERSHOP, PASSWORD, Account, Made, application, log_in
from tests.support import service
from tests.support.client import CheckingClient
from tests.support.database import Db

NOWHERE = "postgresql://127.0.0.1:1/none"
PURGED = "Deleted {} sessions, {} reset tokens, {} idempotency keys, {} mails, {} networks.\n"
ENDED_SESSIONS = (
    "INSERT INTO login_session (digest, customer_id, expires_at)"
    " SELECT sha256(n::text::bytea), customer_id, now() FROM customer, generate_series(1, %s) AS n"
)


def run(app: Flask, *args: str, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return app.test_cli_runner().invoke(args=args, input=stdin)


def create(app: Flask, email: str, *options: str, password: str = PASSWORD) -> Result:
    """Run `create-admin` with a password."""
    return run(app, "create-admin", email, *options, "--password-stdin", stdin=f"{password}\n")


def failed(result: Result, *said: str) -> None:
    """Assert that a command ended with exit status 1, in its own words."""
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert [words for words in said if words not in result.output] == []
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_an_admin_created_with_a_password_from_standard_input_can_sign_in_at_once(
    app: Flask, client: CheckingClient, ending: str
) -> None:
    options = ["Boss@example.com", "--full-name", "The Boss", "--password-stdin"]

    result = run(app, "create-admin", *options, stdin=f" {PASSWORD} {ending}")

    assert (result.exit_code, result.output) == (0, "Admin Boss@example.com created.\n")
    log_in(client, "boss@example.com", f" {PASSWORD} ", "/admin/user/login")
    assert client.get("/api/customers").status_code == 200


def test_the_password_is_asked_for_twice_and_not_shown(app: Flask, client: CheckingClient) -> None:
    result = run(app, "create-admin", "a@example.com", "--full-name", "A", stdin=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    log_in(client, "a@example.com", path="/admin/user/login")


def test_an_existing_admin_is_an_error_whatever_the_case(app: Flask, admin: Account) -> None:
    failed(create(app, admin.email.upper(), "--full-name", "Again", password="another password"), "exists")


def test_reset_password_gives_a_new_one_enables_the_account_and_ends_its_sessions(
    app: Flask, admin: Account, client: CheckingClient, db: Db
) -> None:
    db.execute("UPDATE admin_user SET status = false")

    result = create(app, admin.email, "--reset-password", password="another password")

    assert result.exit_code == 0
    assert "new password" in result.output
    assert admin.client.get("/api/customers").status_code == 401
    log_in(client, admin.email, "another password", "/admin/user/login")
    assert db.one("SELECT full_name FROM admin_user") == {"full_name": "Adam Admin"}


def test_reset_password_creates_a_missing_admin_if_given_a_name(app: Flask, client: CheckingClient) -> None:
    unnamed = create(app, "new@example.com", "--reset-password")
    named = create(app, "new@example.com", "--reset-password", "--full-name", "New")

    assert (unnamed.exit_code, named.exit_code) == (1, 0)
    log_in(client, "new@example.com", path="/admin/user/login")


def test_an_admins_email_name_and_password_are_taken_in_the_forms_that_the_api_takes(
    app: Flask, client: CheckingClient, db: Db
) -> None:
    result = create(app, " ann@b\u00fccher.example ", "--full-name", " Zoe\u0308 ", password="cafe\u0301 cafe\u0301")

    assert result.exit_code == 0
    stored = {"email": "ann@xn--bcher-kva.example", "full_name": "Zo\u00eb"}
    assert db.one("SELECT email, full_name FROM admin_user") == stored
    log_in(client, "ann@b\u00fccher.example", "caf\u00e9 caf\u00e9", "/admin/user/login")


@pytest.mark.parametrize(("email", "options", "password", "message"), [
    ("no-address", ["--full-name", "A"], PASSWORD, "EMAIL"),
    ("a@example.com", ["--full-name", " "], PASSWORD, "--full-name"),
    ("a@example.com", [], PASSWORD, "--full-name"),
    ("a@example.com", ["--full-name", "A"], "", "8 characters"),
    ("a@example.com", ["--full-name", "A"], "x" * 73, "72 bytes"),
    ("a@example.com", ["--full-name", "A"], "password1", "common"),
])  # fmt: skip
def test_wrong_usage_exits_with_2_and_a_reason(
    app: Flask, db: Db, email: str, options: list[str], password: str, message: str
) -> None:
    result = create(app, email, *options, password=password)

    assert result.exit_code == 2
    assert message in result.output
    assert db.all("SELECT FROM admin_user") == []


def test_init_db_names_the_rows_in_its_way_and_may_be_repeated(make: Callable[..., Made]) -> None:
    app = application(make(EVERSHOP)[0].settings)

    failed(run(app, "init-db"), "Jane@Example.com", "--repair-defaults")
    for options in (["--repair-defaults"], []):
        result = run(app, "init-db", *options)
        assert (result.exit_code, result.output) == (0, f"The database schema is at version {migrate.version()}.\n")
    context.of(app).db.close()


def test_what_the_database_refuses_is_one_line(make: Callable[..., Made], settings: Settings) -> None:
    """Without a schema to make tables in, as for a role that may not; without tables; without a database."""
    app = application(make("DROP SCHEMA public")[0].settings)

    failed(run(app, "init-db"), "the database says: ")
    failed(run(app, "purge"), "flask init-db")
    context.of(app).db.close()
    failed(run(application(replace(settings, database_url=NOWHERE)), "init-db"), "the database says: ")


def test_a_command_in_a_process_of_its_own_needs_only_the_settings(make_database: Callable[[], str]) -> None:
    known = {"CUSTOMERS_SECRET_KEY": "k" * 32}

    made = service.run("flask", "init-db", CUSTOMERS_DATABASE_URL=service.database_url(make_database()), **known)
    unset = service.run("flask", "init-db", CUSTOMERS_DATABASE_URL="", **known)  # also where make run has written .env

    assert (made.returncode, made.stderr) == (0, "")
    assert unset.returncode == 1
    assert "CUSTOMERS_DATABASE_URL: Missing." in unset.stderr
    assert "Traceback" not in unset.stderr


def test_purge_deletes_what_has_ended_and_nothing_else(
    app: Flask, client: CheckingClient, customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    gone = make_customer()
    owner = "WHERE customer_id = (SELECT customer_id FROM customer WHERE uuid = %s)"
    db.execute(f"UPDATE login_session SET expires_at = now() {owner}", gone.uuid)
    db.execute(
        "INSERT INTO reset_password_token (customer_id, token, created_at)"
        " SELECT customer_id, 'x', now() - n * interval '59 min' FROM customer, generate_series(1, 2) AS n"
    )
    db.execute("UPDATE login_network SET last_login_at = now() - interval '31 days'")
    log_in(client, customer.email)

    first, second = run(app, "purge"), run(app, "purge")

    networks = 1  # the other customer's; this one has just signed in from there
    assert (first.exit_code, first.output) == (0, PURGED.format(1, 2, 0, 0, networks))
    assert second.output == PURGED.format(0, 0, 0, 0, 0)
    assert customer.client.get(customer.path).status_code == 200
    assert len(db.all("SELECT FROM reset_password_token")) == 2


def test_purge_works_in_bounded_batches_past_what_another_purge_holds(ctx: Context, customer: Account, db: Db) -> None:
    db.execute(ENDED_SESSIONS, 25)

    with psycopg.connect(ctx.settings.database_url) as other:
        other.execute("SELECT FROM login_session WHERE expires_at <= now() LIMIT 2 FOR UPDATE")
        deleted = purge(ctx.db, ctx.settings, batch=10)["sessions"]

    assert deleted == 23
    assert len(db.all("SELECT FROM login_session")) == 3


def test_every_command_explains_itself(app: Flask) -> None:
    for command in set(app.cli.commands) - {"openapi"}:
        about = app.cli.commands[command]

        assert about.help, command
        assert [option.name for option in about.params if isinstance(option, click.Option) and not option.help] == []
        assert run(app, command, "--help").exit_code == 0
