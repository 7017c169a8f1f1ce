"""Imports and exports as processes: killed, to a terminal, at once, in whatever environment."""

import json
import os
import pty
import subprocess
from pathlib import Path

import psycopg

from customers.bulk import imports
from customers.bulk.files import Record
from customers.bulk.imports import Options
from customers.context import Context
from tests.conftest import PASSWORD, REPOSITORY, Account
from tests.support.bulk import ANN, Shop, shop, summary
from tests.support.service import BIN, database_url, environment, wait_until
from tests.support.threads import at_once, waiting_for_a_lock

__all__ = ["shop"]


def start(conninfo: str, *args: str | Path, stdout: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    """Start a command, in an environment of another encoding."""
    odd = {"PGCLIENTENCODING": "LATIN1", "PYTHONUTF8": "0", "LC_ALL": "C"}
    given = {"CUSTOMERS_SECRET_KEY": "k" * 32, "CUSTOMERS_BCRYPT_ROUNDS": "4", **odd}
    env = environment(CUSTOMERS_DATABASE_URL=database_url(conninfo), **given)
    pipe, command = subprocess.PIPE, [BIN / "flask", *args]
    return subprocess.Popen(command, cwd=REPOSITORY, env=env, stdin=pipe, stdout=stdout, stderr=pipe)


def test_a_killed_import_that_is_run_again_brings_every_row_once(shop: Shop, database: str) -> None:
    """With PGCLIENTENCODING=LATIN1 the bytes of UTF-8 were stored as two letters each."""
    rows = [{"email": f"c{n}@example.com", "full_name": f"Zoë 👋 {n}", "password": PASSWORD} for n in range(400)]
    lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows]
    killed = start(database, "import-customers", "-", "--rejected", shop.rejects)
    assert killed.stdin

    killed.stdin.write(b"".join(lines[:200]) + b"\n" * 100_000)  # more than is read at once
    killed.stdin.flush()
    wait_until(lambda: len(shop.customers()) == 200, 60)
    with psycopg.connect(database) as holder:
        holder.execute("LOCK TABLE customer IN SHARE ROW EXCLUSIVE MODE")
        killed.stdin.write(b"".join(lines[200:]) + b"\n" * 20_000)  # what a pipe holds, read or not
        killed.stdin.flush()
        wait_until(lambda: waiting_for_a_lock(shop.db))
        killed.kill()
        killed.communicate(timeout=60)
    there = len(shop.customers())

    assert there == 200
    again = shop.load_json(*rows)
    assert (again.stdout, again.stderr) == (summary(400, added=200, skipped=200), f"So far: {again.stdout}")
    assert sorted(row["full_name"] for row in shop.customers()) == sorted(row["full_name"] for row in rows)


def test_an_export_does_not_go_to_a_terminal(shop: Shop, database: str) -> None:
    """A name can hold what moves a terminal's cursor or types into it."""
    ours, theirs = pty.openpty()

    export = start(database, "export-customers", "--format", "csv", stdout=theirs)
    _, said = export.communicate(timeout=60)

    os.close(theirs)
    os.close(ours)
    assert export.returncode == 2
    assert b"send the export to a file or a pipe" in said


def test_imports_of_the_same_rows_at_once_bring_each_row_and_group_once(
    shop: Shop, ctx: Context, admin: Account
) -> None:
    rows = [
        {**ANN, "email": f"c{number % 300}@example.com", "group": ("VIP", "Vip")[number % 2]} for number in range(600)
    ]
    records = [Record(number, row) for number, row in enumerate(rows, 1)]

    def load(number: int) -> int:
        outcomes = imports.run(ctx, records[:: (-1) ** number], Options(create_groups=True), most=50)
        return sum(outcome.counts["added"] for outcome in outcomes)

    added = at_once(3, load)

    assert sum(added) == len(shop.customers()) == 300
    assert len({row["group_name"] for row in shop.customers()}) == 1
    assert admin.client.get("/api/customers").get_json()["meta"]["total"] == 300
