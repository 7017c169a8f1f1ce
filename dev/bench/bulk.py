r"""What an import and an export of very many customers cost: `make bench`.

Times `flask import-customers` of hashed rows against `psql \copy` of the same rows into a bare table, one of the same
columns and defaults without index, constraint or trigger; kills an import in the middle and runs it again; exports,
imports the file into an empty database, exports again, and compares the two files. Prints ratios and peaks of memory.
Exit status 1: one is above its limit, a row is missing or there twice, or the files differ.
"""

import argparse
import csv
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from dev.bench.databases import databases
from dev.bench.fill import GROUPS, customers
from tests.conftest import REPOSITORY
from tests.support.service import BIN, database_url, environment

COLUMNS = "email, full_name, status, group_id, created_at, password"
MIB = 1024  # of ru_maxrss, which is in KiB

ADDRESSES = """
    INSERT INTO customer_address (customer_id, full_name, address_1, city, province, country, postcode, is_default)
    SELECT customer_id, full_name, customer_id || ' "Main" Street', 'Köln', 'NW', 'DE', '50667', number = 2
      FROM customer, generate_series(1, 2) AS number
     WHERE customer_id % 10 = 0
     ORDER BY customer_id, number
"""


class Checks:
    """Says what was found, and remembers what is not as it should be."""

    def __init__(self) -> None:
        self.broken = 0

    def __call__(self, what: str, found: float, limit: float) -> None:
        """Say what was found, and whether it is within its limit."""
        print(f"{what}: {found:.2f}, limit {limit:g}{'' if found <= limit else '  ** ABOVE **'}", flush=True)
        self.broken += found > limit

    def holds(self, what: str, *, true: bool) -> None:
        """Say whether something holds."""
        print(f"{what}: {'yes' if true else '** NO **'}", flush=True)
        self.broken += not true


def start(conninfo: str, *args: str | Path, out: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start a command of the service on a database."""
    with (out or Path(os.devnull)).open("wb") as stdout:
        return subprocess.Popen(
            [BIN / "flask", *args],
            cwd=REPOSITORY,
            env=environment(CUSTOMERS_DATABASE_URL=database_url(conninfo), CUSTOMERS_SECRET_KEY="k" * 32),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
        )


def run(conninfo: str, *args: str | Path, out: Path | None = None) -> tuple[float, float]:
    """Run a command to its end; return its seconds, and its peak of memory in MiB."""
    began = time.perf_counter()
    process = start(conninfo, *args, out=out)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{args[0]} failed"
    return time.perf_counter() - began, usage.ru_maxrss / MIB


def count(conninfo: str) -> tuple[int, int]:
    """Return how many customers there are, and how many different e-mails they have."""
    with psycopg.connect(conninfo) as conn:
        found = conn.execute("SELECT count(*), count(DISTINCT customers_fold(email)) FROM customer").fetchone()
        assert found
        return found[0], found[1]


def copy_bare(conninfo: str, file: Path) -> float:
    """Return how long COPY into a bare table takes, in seconds: by psql, or where there is none as psql does it."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS bare")
        conn.execute("CREATE TABLE bare (LIKE customer INCLUDING DEFAULTS INCLUDING IDENTITY)")
        began = time.perf_counter()
        if shutil.which("psql"):
            copy = f"\\copy bare ({COLUMNS}) FROM '{file}' (FORMAT csv)"
            subprocess.run(
                ["psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", conninfo, "--command", copy],  # noqa: S607  # psql of the PATH
                check=True,
            )
        else:
            statement = f"COPY bare ({COLUMNS}) FROM STDIN (FORMAT csv)".encode()
            with file.open("rb") as data, conn.cursor() as cursor, cursor.copy(statement) as stream:
                while block := data.read(1 << 16):
                    stream.write(block)
        took = time.perf_counter() - began
        conn.execute("DROP TABLE bare")
    return took


def write(rows: int, bare: Path, named: Path) -> None:
    """Write the rows for COPY, and for the import."""
    with bare.open("w") as one, named.open("w") as other:
        plain, headed = csv.writer(one, lineterminator="\n"), csv.writer(other, lineterminator="\n")
        headed.writerow(("email", "full_name", "status", "group", "created_at", "password_hash"))
        for made in customers(rows):
            rest = (made.created_at.isoformat(), made.password_hash)
            plain.writerow((made.email, made.full_name, made.status, GROUPS.index(made.group_name) + 1, *rest))
            headed.writerow((made.email, made.full_name, made.status, made.group_name, *rest))


def measure_import(check: Checks, make: Callable[[], str], folder: Path, limits: argparse.Namespace) -> str:
    """Time an import against COPY; return the database that it filled."""
    bare, named = folder / "bare.csv", folder / "customers.csv"
    write(limits.rows, bare, named)
    conninfo, aside = make(), make()
    before = copy_bare(aside, bare)
    seconds, peak = run(conninfo, "import-customers", "--create-groups", named)
    copied = (before + copy_bare(aside, bare)) / 2
    print(f"{limits.rows:,} rows: import {seconds:.1f} s; COPY {copied:.1f} s")
    check("import / COPY into a bare table", seconds / copied, limits.ratio)
    check("import, peak of memory in MiB", peak, limits.import_memory)
    check.holds("every row is there once", true=count(conninfo) == (limits.rows, limits.rows))
    return conninfo


def measure_kill(check: Checks, make: Callable[[], str], named: Path, rows: int) -> None:
    """Kill an import in the middle, and run it again."""
    conninfo = make()
    process = start(conninfo, "import-customers", "--create-groups", named)
    while process.poll() is None and count(conninfo)[0] < rows // 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = count(conninfo)[0]
    print(f"killed when {there:,} rows were there")
    check.holds("killed in the middle", true=process.returncode == -signal.SIGKILL and 0 < there < rows)
    run(conninfo, "import-customers", "--create-groups", named)
    check.holds("after another run every row is there once", true=count(conninfo) == (rows, rows))


def measure_export(check: Checks, make: Callable[[], str], conninfo: str, folder: Path, limit: float) -> None:
    """Export, import into an empty database, export again."""
    with psycopg.connect(conninfo) as conn:
        conn.execute(ADDRESSES)
    for kind in ("csv", "ndjson"):
        first, second = folder / f"first.{kind}", folder / f"second.{kind}"
        export = ("export-customers", "--format", kind, "--with-hashes")
        seconds, peak = run(conninfo, *export, out=first)
        print(f"export as {kind}: {seconds:.1f} s, {first.stat().st_size / 2**20:.0f} MiB")
        check(f"export as {kind}, peak of memory in MiB", peak, limit)
        other = make()
        seconds, peak = run(other, "import-customers", "--create-groups", first)
        print(f"import of it: {seconds:.1f} s, {peak:.0f} MiB")
        run(other, *export, out=second)
        check.holds(f"exported again, the {kind} files are equal", true=filecmp.cmp(first, second, shallow=False))
        first.unlink()
        second.unlink()


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers to import")
    parser.add_argument("--ratio", type=float, default=10, help="limit of import / COPY")
    parser.add_argument("--import-memory", type=float, default=200, help="limit in MiB")
    parser.add_argument("--export-memory", type=float, default=150, help="limit in MiB")
    parser.add_argument("--url", help="a PostgreSQL to make databases on (default: one of its own)")
    limits = parser.parse_args()
    check = Checks()
    with tempfile.TemporaryDirectory() as name, databases(limits.url) as make:
        folder = Path(name)
        conninfo = measure_import(check, make, folder, limits)
        measure_kill(check, make, folder / "customers.csv", limits.rows)
        measure_export(check, make, conninfo, folder, limits.export_memory)
    return min(1, check.broken)


if __name__ == "__main__":
    sys.exit(main())
