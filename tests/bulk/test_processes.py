"""Imports and exports as processes: killed, piped, at once."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from customers.db import migrate
from customers.bulk import service
from customers.bulk.files import Record
from customers.bulk.groups import Groups
from customers.bulk.rows import Options
from customers.context import Context
from tests import pooler
from tests.support.bulk import ANN, OLD_HASH, Shop, shop, summary
from tests.conftest import EVERSHOP, REPOSITORY, Made, application
from tests.support.service import BIN, database_url, environment, wait_until

__all__ = ["shop"]

ROWS = 60_000


def start(conninfo: str, *args: str | Path, stdout: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [BIN / "flask", *args],
        cwd=REPOSITORY,
        env=environment(CUSTOMERS_DATABASE_URL=database_url(conninfo), CUSTOMERS_SECRET_KEY="k" * 32),
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("many") / "many.csv"
    lines = (f"customer{number}@example.com,Customer {number},{OLD_HASH}\n" for number in range(ROWS))
    file.write_text("email,full_name,password_hash\n" + "".join(lines))
    return file


def test_killed_and_run_again_every_row_is_there_once_and_a_pipe_may_close(
    make: Callable[[str], Made], many: Path
) -> None:
    ctx, db = make("")
    migrate.apply(ctx.db)
    conninfo = pooler.direct(ctx.settings)

    def count() -> int:
        found: int = db.one("SELECT count(*) AS rows FROM customer")["rows"]
        return found

    killed = start(conninfo, "import-customers", many)
    wait_until(count, 60)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    there = count()
    again = start(conninfo, "import-customers", many)
    _, said = again.communicate(timeout=120)

    assert 0 < there < ROWS
    assert again.returncode == 0, said
    assert db.one("SELECT count(*), count(DISTINCT email) AS emails FROM customer") == {"count": ROWS, "emails": ROWS}

    export = start(conninfo, "export-customers", "--format", "csv", stdout=subprocess.PIPE)
    assert export.stdout
    assert export.stderr
    export.stdout.readline()
    export.stdout.close()
    told = export.stderr.read()
    export.stderr.close()
    export.wait(60)

    assert told == b""


def test_two_imports_of_one_file_at_once_bring_every_row_once(shop: Shop, ctx: Context) -> None:
    records = [
        Record(number, {"email": f"c{number % 900}@example.com", "full_name": "C", "password_hash": OLD_HASH})
        for number in range(1, 1801)
    ]
    added: list[int] = []

    def load(part: list[Record]) -> None:
        groups = Groups(ctx, Options())
        added.extend(counts.added for counts in service.run(ctx, part, Options(), groups, batch=100))

    threads = [threading.Thread(target=load, args=(part,)) for part in (records, records[::-1], records)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(added) == len(shop.customers()) == 900
    assert shop.db.one("SELECT sum(customers) AS total FROM customer_counter")["total"] == 900


def test_the_rows_of_an_evershop_go_out_and_come_in(make: Callable[[str], Made], app: Flask, tmp_path: Path) -> None:
    def prepared(sql: str) -> Shop:
        ctx, db = make(sql)
        migrate.apply(ctx.db, repair_defaults=True)
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
        each.app.extensions["customers"].database.close()
