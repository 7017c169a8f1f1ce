"""Imports and exports as processes: killed, piped, at once, and in whatever environment."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from customers.bulk import imports
from customers.bulk.files import Record
from customers.bulk.imports import Options
from customers.context import Context
from customers.http import context
from tests.conftest import EVERSHOP, REPOSITORY, Account, Made, application
from tests.support.bulk import ANN, OLD_HASH, OLD_PASSWORD, Shop, shop, summary
from tests.support.service import BIN, database_url, environment, wait_until
from tests.support.shops import migrated
from tests.support.threads import at_once

__all__ = ["shop"]

ROWS = 40_000
HEADER = "email,full_name,password_hash\n"


def start(
    conninfo: str, *args: str | Path, stdout: int = subprocess.PIPE, variables: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    given = {"CUSTOMERS_SECRET_KEY": "k" * 32, "CUSTOMERS_BCRYPT_ROUNDS": "4", **(variables or {})}
    return subprocess.Popen(
        [BIN / "flask", *args],
        cwd=REPOSITORY,
        env=environment(CUSTOMERS_DATABASE_URL=database_url(conninfo), **given),
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def test_a_killed_import_that_is_run_again_brings_every_row_once(shop: Shop, database: str) -> None:
    file = shop.folder / "many.csv"
    lines = (f"customer{number}@example.com,Customer {number},{OLD_HASH}\n" for number in range(ROWS))
    file.write_text(HEADER + "".join(lines))

    def count() -> int:
        found: int = shop.db.one("SELECT count(DISTINCT email) AS emails FROM customer")["emails"]
        return found

    killed = start(database, "import-customers", file)
    wait_until(count, 60)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    there = count()
    again = start(database, "import-customers", file)
    said = again.communicate(timeout=120)

    assert 0 < there < ROWS
    assert again.returncode == 0, said
    assert count() == len(shop.customers()) == ROWS


def test_no_transaction_of_an_import_waits_for_the_rest_of_the_file(shop: Shop, database: str) -> None:
    """Once a batch is committed, the connection is idle, and in no transaction, while the file is read."""
    rows = [{"email": f"c{number}@example.com", "full_name": "C", "password": "p" * 20} for number in range(200)]
    process = start(database, "import-customers", "-", "--rejected", shop.rejects)
    assert process.stdin
    process.stdin.write(("".join(json.dumps(row) + "\n" for row in rows) + "\n" * 100_000).encode())
    process.stdin.flush()

    wait_until(lambda: len(shop.customers()) == 200, 60)
    states = shop.db.all(
        "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND query LIKE %s AND application_name = 'customers'", "%COMMIT%",
    )  # fmt: skip
    process.communicate(timeout=60)

    assert {row["state"] for row in states} == {"idle"}
    assert process.returncode == 0


def test_an_export_does_not_go_to_a_terminal(shop: Shop, database: str) -> None:
    """A name can hold what moves a terminal's cursor or types into it."""
    shop.load_json({**ANN, "full_name": "\x1b[2JAnn"})
    ours, theirs = pty.openpty()

    export = start(database, "export-customers", "--format", "csv", stdout=theirs)
    _, said = export.communicate(timeout=60)

    os.close(theirs)
    os.close(ours)
    assert export.returncode == 2
    assert b"send the export to a file or a pipe" in said


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_the_client_encoding_of_the_environment_changes_no_name(shop: Shop, database: str, encoding: str) -> None:
    """With PGCLIENTENCODING=LATIN1 the bytes of UTF-8 were stored as two letters each, with exit status 0."""
    names = "Zoë Müller", "👋"
    rows = "".join(f"c{place}@example.com,{name},{OLD_HASH}\n" for place, name in enumerate(names))
    given = {"PGCLIENTENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}

    loaded = start(database, "import-customers", "-", variables=given)
    said = loaded.communicate((HEADER + rows).encode(), timeout=60)
    exported = start(database, "export-customers", "--format", "ndjson", variables=given)
    out, _ = exported.communicate(timeout=60)

    assert loaded.returncode == 0, said
    assert [row["full_name"] for row in shop.customers()] == list(names)
    assert [json.loads(line)["full_name"] for line in out.decode().splitlines()] == list(names)


def test_several_imports_of_the_same_rows_at_once_bring_every_row_and_group_once(
    shop: Shop, ctx: Context, admin: Account
) -> None:
    records = [
        Record(number, {**ANN, "email": f"c{number % 900}@example.com", "group": ("VIP", "Vip")[number % 2]})
        for number in range(1, 1801)
    ]

    def load(number: int) -> int:
        outcomes = imports.run(ctx, records[:: (-1) ** number], Options(create_groups=True), most=100)
        return sum(outcome.counts["added"] for outcome in outcomes)

    added = at_once(3, load)

    assert sum(added) == len(shop.customers()) == 900
    assert len({row["group_name"] for row in shop.customers()}) == 1
    assert admin.client.get("/api/customers").get_json()["meta"]["total"] == 900


def test_e_mails_and_groups_are_compared_by_the_database_s_function_alone(
    make: Callable[..., Made], tmp_path: Path
) -> None:
    """In a Turkish locale lower() makes two of info@ and INFO@. No such locale is here: this folding ignores dots."""
    ctx, db = migrated(
        make, "CREATE FUNCTION customers_fold(value text) RETURNS text IMMUTABLE RETURN lower(replace(value, '.', ''))"
    )
    dotless = Shop(application(ctx.settings), db, tmp_path)
    rows = [{**ANN, "group": "VIP"}, {**ANN, "email": "A.N.N@example.com", "group": "V.I.P"}]

    made = dotless.load_json(*rows, options=("--create-groups",))
    again = dotless.load_json(rows[1], options=("--update",))
    plain = dotless.load_json({"email": "an.n@example.com", "password": OLD_PASSWORD}, options=("--update",))

    assert made.stdout == f"Made 1 groups: VIP\n{summary(2, added=1, skipped=1)}"
    assert again.stdout == summary(1, updated=1)
    assert (plain.stdout, dotless.customer()["password"]) == (summary(1, updated=1), OLD_HASH)
    assert dotless.customer()["email"] == "an.n@example.com"
    context.of(dotless.app).db.close()


def test_the_rows_of_an_evershop_go_out_and_come_in(make: Callable[..., Made], tmp_path: Path) -> None:
    def prepared(sql: str) -> Shop:
        ctx, db = migrated(make, sql)
        return Shop(application(ctx.settings), db, tmp_path)

    old, new = prepared(EVERSHOP), prepared("")
    old.db.execute("DELETE FROM event")

    added = old.load_json({**ANN, "group": "wholesale"})
    exported = old.export("ndjson", "--with-hashes")
    imported = new.load(exported, "--create-groups", "--lenient")

    assert (added.exit_code, added.stdout) == (0, summary(1, added=1))
    assert [row["name"] for row in old.db.all("SELECT name FROM event")] == ["customer_created"]
    assert (imported.exit_code, imported.stdout.splitlines()[-1] + "\n") == (0, summary(3, added=3))
    assert new.export("ndjson", "--with-hashes") == exported
    assert [json.loads(line)["full_name"] for line in exported.splitlines()].count(None) == 1
    for each in (old, new):
        context.of(each.app).db.close()
