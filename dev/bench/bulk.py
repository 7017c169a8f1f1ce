r"""What an import and an export of very many customers cost: `python -m dev.bench.bulk [--rows 1000000]`.

Times `flask import-customers` of rows with hashes against COPY of the same rows into a bare table; kills an import in
the middle and runs it again; exports, imports the file into an empty database, and exports again. Prints the ratio to
COPY, peaks of memory, and whether every row is there once and the two files are equal.
"""

import argparse
import csv
import filecmp
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from dev.bench import data, serve

SCHEMA = serve.REPOSITORY / "schema.sql"
COLUMNS = ("email", "full_name", "status", "created_at", "password")
HASH = "$2b$12$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--rows", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, data.server(chosen.url) as server:
        file = Path(name) / "customers.csv"
        _write(file, chosen.rows)
        with data.database(server, SCHEMA) as found:
            seconds, peak = _run(found.url, "import-customers", file)
            copied = _copy(found.url, file)
            print(
                f"import: {seconds:.1f} s, {seconds / copied:.1f} of COPY's {copied:.1f} s; {peak:.0f} MiB", flush=True
            )
            print(f"every row is there once: {_count(found.url) == (chosen.rows, chosen.rows)}")
            for kind in ("csv", "ndjson"):
                _export_and_back(server, found.url, Path(name), kind)
        with data.database(server, SCHEMA) as found:
            _kill_and_repeat(found.url, file, chosen.rows)


def _write(file: Path, rows: int) -> None:
    with file.open("w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*COLUMNS[:-1], "password_hash"])
        for number in range(rows):
            writer.writerow((f"customer{number}@example.com", f"Ann {number}", 1, "2026-01-31T12:00:00Z", HASH))


def _run(url: str, command: str, *args: object, out: Path | None = None) -> tuple[float, float]:
    """Run a command to its end; return its seconds, and its peak of memory in MiB."""
    began = time.perf_counter()
    process = _start(url, command, *args, out=out)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def _start(url: str, *command: object, out: Path | None = None) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, **data.environment(url, 8000)}
    flask = Path(sys.executable).parent / "flask"
    with (out or Path(os.devnull)).open("wb") as stdout:
        return subprocess.Popen([flask, *map(str, command)], cwd=serve.REPOSITORY, env=environ, stdout=stdout)


def _copy(url: str, file: Path) -> float:
    """Return how long COPY into a bare table takes, in seconds."""
    with psycopg.connect(url, autocommit=True) as conn, file.open("rb") as stream:
        conn.execute("CREATE TABLE bare (LIKE customer INCLUDING DEFAULTS INCLUDING IDENTITY)")
        began = time.perf_counter()
        with conn.cursor().copy(f"COPY bare ({', '.join(COLUMNS)}) FROM STDIN (FORMAT csv, HEADER)".encode()) as copy:
            while block := stream.read(1 << 16):
                copy.write(block)
        return time.perf_counter() - began


def _count(url: str) -> tuple[int, int]:
    """Return how many customers there are, and how many different e-mails they have."""
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT count(*), count(DISTINCT customers_fold(email)) FROM customer").fetchone()
        assert row is not None
        return row[0], row[1]


def _export_and_back(server: str, url: str, folder: Path, kind: str) -> None:
    first, second = folder / f"first.{kind}", folder / f"second.{kind}"
    export = ("--format", kind, "--with-hashes")
    seconds, peak = _run(url, "export-customers", *export, out=first)
    with data.database(server, SCHEMA) as other:
        _run(other.url, "import-customers", first)
        _run(other.url, "export-customers", *export, out=second)
    equal = filecmp.cmp(first, second, shallow=False)
    print(f"export as {kind}: {seconds:.1f} s, {peak:.0f} MiB; imported and exported again equal: {equal}", flush=True)


def _kill_and_repeat(url: str, file: Path, rows: int) -> None:
    process = _start(url, "import-customers", file)
    while process.poll() is None and _count(url)[0] < rows // 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = _count(url)[0]
    _run(url, "import-customers", file)
    print(f"killed at {killed_at:,} rows, and run again: every row is there once: {_count(url) == (rows, rows)}")


if __name__ == "__main__":
    main()
