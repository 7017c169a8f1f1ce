"""The commands of the operator."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from flask import Flask

from dev import postgres, schema
from customers.config import Settings
from customers.purge import purge
from customers.context import Context
from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, REPOSITORY, Account, application, log_in
from tests.support.database import Db
from tests.support.service import BIN, environment


def run(app: Flask, *args: str, stdin: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=args, input=stdin)


def create(app: Flask, email: str, *options: str, password: str = PASSWORD) -> Result:
    return run(app, "create-admin", email, *options, "--password-stdin", stdin=f"{password}\n")


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_an_admin_made_from_standard_input_can_sign_in_at_once(app: Flask, client: CheckingClient, ending: str) -> None:
    result = run(
        app,
        "create-admin",
        "Boss@example.com",
        "--full-name",
        "The Boss",
        "--password-stdin",
        stdin=f" {PASSWORD} {ending}",
    )

    assert (result.exit_code, result.output) == (0, "Admin Boss@example.com created.\n")
    log_in(client, "boss@example.com", f" {PASSWORD} ", "/admin/user/login")
    assert client.get("/api/customers").status_code == 200


def test_the_password_is_asked_for_twice_and_not_shown(app: Flask, client: CheckingClient) -> None:
    result = run(app, "create-admin", "a@example.com", "--full-name", "A", stdin=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    log_in(client, "a@example.com", path="/admin/user/login")


def test_an_existing_admin_is_an_error_whatever_the_case(app: Flask, admin: Account) -> None:
    result = create(app, admin.email.upper(), "--full-name", "Again", password="another password")

    assert result.exit_code == 1
    assert "exists" in result.output


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


def test_reset_password_creates_an_admin_who_is_not_there(app: Flask, client: CheckingClient) -> None:
    unnamed = create(app, "new@example.com", "--reset-password")
    named = create(app, "new@example.com", "--reset-password", "--full-name", "New")

    assert (unnamed.exit_code, named.exit_code) == (1, 0)
    log_in(client, "new@example.com", path="/admin/user/login")


@pytest.mark.parametrize(
    ("email", "options", "password", "said"),
    [
        ("no-address", ["--full-name", "A"], PASSWORD, "EMAIL"),
        ("a@example.com", ["--full-name", " "], PASSWORD, "--full-name"),
        ("a@example.com", [], PASSWORD, "--full-name"),
        ("a@example.com", ["--full-name", "A"], "short", "8 characters"),
        ("a@example.com", ["--full-name", "A"], "", "8 characters"),
        ("a@example.com", ["--full-name", "A"], "password1", "common"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(
    app: Flask, db: Db, email: str, options: list[str], password: str, said: str
) -> None:
    result = create(app, email, *options, password=password)

    assert result.exit_code == 2
    assert said in result.output
    assert db.all("SELECT FROM admin_user") == []


def test_init_db_says_what_it_did_and_may_be_repeated(app: Flask) -> None:
    for _ in range(2):
        result = run(app, "init-db")
        assert (result.exit_code, result.output) == (
            0,
            f"The database schema is at version {migrate.version()}.\n",
        )


def test_init_db_names_what_stands_in_the_way_and_exits_with_1(
    make_database: Callable[[], str], settings: Settings
) -> None:
    app = application(replace(settings, database_url=make_database()))
    run(app, "init-db")
    ctx: Context = app.extensions["customers"]
    with ctx.db.writing() as conn:
        conn.exec_driver_sql("DROP INDEX customer_email_lower_key")
        conn.exec_driver_sql("INSERT INTO customer (email, password) VALUES ('A@b.co', 'x'), ('a@b.co', 'x')")

    result = run(app, "init-db")

    assert result.exit_code == 1
    assert "A@b.co" in result.output
    assert "Traceback" not in result.output
    ctx.db.close()


def test_a_database_that_does_not_answer_exits_with_1(settings: Settings) -> None:
    app = application(replace(settings, database_url="postgresql://127.0.0.1:1/none"))

    result = run(app, "init-db")

    assert result.exit_code == 1
    assert "the database says" in result.output


def test_a_refusal_of_the_database_is_one_line(make_database: Callable[[], str], settings: Settings) -> None:
    """As on PostgreSQL 15 and later for a role that may not create tables: psycopg's own error, no traceback."""
    conninfo = make_database()
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("DROP SCHEMA public")
    app = application(replace(settings, database_url=conninfo))

    result = run(app, "init-db")

    assert result.exit_code == 1
    assert "the database says" in result.output
    assert isinstance(result.exception, SystemExit)
    app.extensions["customers"].database.close()


def flask(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the operator does, on a data folder."""
    return subprocess.run(
        [BIN / "flask", *args],
        cwd=REPOSITORY,
        env=environment(CUSTOMERS_DATA_DIR=str(folder)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_starts_no_database(tmp_path: Path) -> None:
    result = flask(tmp_path / "data", "--help")

    assert result.returncode == 0
    assert "init-db" in result.stdout
    assert not (tmp_path / "data" / "postgres").exists()


def test_init_db_tells_of_a_conflict_in_the_own_database_too(tmp_path: Path) -> None:
    made = flask(tmp_path, "init-db")
    with psycopg.connect(postgres.start(tmp_path), autocommit=True) as conn:
        conn.execute("DROP INDEX customer_email_lower_key")
        conn.execute("INSERT INTO customer (email, password) VALUES ('A@b.co', 'x'), ('a@b.co', 'x')")

    again = flask(tmp_path, "init-db")

    assert (made.returncode, made.stderr) == (0, "")
    assert again.returncode == 1
    assert again.stderr.startswith("Error: these addresses")
    assert "Traceback" not in again.stderr


def test_purge_leaves_what_another_purge_holds(ctx: Context, db: Db) -> None:
    db.execute("INSERT INTO customer (email, password) VALUES ('a@b.co', 'x')")
    db.execute(
        "INSERT INTO login_session (digest, customer_id, expires_at)"
        " SELECT sha256(n::text::bytea), customer_id, now() FROM customer, generate_series(1, 5) AS n"
    )

    with ctx.db.writing() as conn:
        conn.exec_driver_sql("SELECT FROM login_session LIMIT 2 FOR UPDATE")
        deleted = purge(ctx, batch=10)["sessions"]

    assert deleted == 3


def test_purge_deletes_what_has_ended_and_nothing_else(
    app: Flask, customer: Account, make_customer: Any, db: Db
) -> None:
    gone = make_customer()
    db.execute(
        "UPDATE login_session SET expires_at = now() WHERE customer_id ="
        " (SELECT customer_id FROM customer WHERE uuid = %s)",
        gone.uuid,
    )
    db.execute(
        "INSERT INTO reset_password_token (customer_id, token, created_at)"
        " SELECT customer_id, 'x', now() - n * interval '59 min' FROM customer, generate_series(1, 2) AS n"
    )

    result = run(app, "purge")

    assert (result.exit_code, result.output) == (
        0,
        "Deleted 1 sessions, 0 answers, 0 mails, 2 reset tokens, 0 networks.\n",
    )
    assert customer.client.get(customer.path).status_code == 200
    assert len(db.all("SELECT FROM reset_password_token")) == 2
    assert run(app, "purge").output == "Deleted 0 sessions, 0 answers, 0 mails, 0 reset tokens, 0 networks.\n"


def test_purge_works_in_bounded_batches(ctx: Context, db: Db) -> None:
    db.execute("INSERT INTO customer (email, password) VALUES ('a@b.co', 'x')")
    db.execute(
        "INSERT INTO login_session (digest, customer_id, expires_at)"
        " SELECT sha256(n::text::bytea), customer_id, now() FROM customer, generate_series(1, 25) AS n"
    )

    assert purge(ctx, batch=10)["sessions"] == 25


@pytest.mark.parametrize("command", ["init-db", "create-admin", "purge"])
def test_help_suffices(app: Flask, command: str) -> None:
    result = run(app, command, "--help")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) >= 8
