"""The fuzz: `make fuzz`.

Starts the service on a PostgreSQL of its own, fills it, and has schemathesis call every operation of the OpenAPI
document as each of three callers, with all its checks: examples, every edge of every schema, random cases good and bad,
and sequences of calls. Prints the calls by operation and caller, and what was found. Exit status 1: a fault was found,
or, in a run by time, an operation that nobody called with success. The seed that is printed repeats a run.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from dev import postgres
from dev.fuzz import shop
from dev.fuzz.caller import KINDS
from tests.conftest import REPOSITORY
from tests.support.service import BIN, Service

Calls = Counter[tuple[str, int]]  # by operation and status


def fuzz(service: Service, kind: str, folder: Path, arguments: argparse.Namespace) -> tuple[int, Calls]:
    """Have schemathesis call as one caller; return its exit status and the calls it made."""
    bounds = ["--max-time", str(max(1, arguments.seconds // len(KINDS)))]
    if arguments.examples:
        bounds = ["--phases", "fuzzing", "--max-examples", str(arguments.examples)]
    counts = folder / f"{kind}.json"
    found = subprocess.run(
        [
            BIN / "st", "--no-color", "run", f"{service.base}/openapi.json", "--checks", "all", "--continue-on-failure",
            "--generation-database", "none", "--warnings", "off", "--seed", str(arguments.seed), *bounds,
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "SCHEMATHESIS_HOOKS": "dev.fuzz.hooks",
            "FUZZ_CALLER": kind,
            "FUZZ_BASE": service.base,
            "FUZZ_COUNTS": str(counts),
        },
        check=False,
    )  # fmt: skip
    calls = Calls({(label, status): count for label, status, count in json.loads(counts.read_text())})
    return found.returncode, calls


def report(calls: dict[str, Calls]) -> list[str]:
    """Print the calls by operation and caller, the successful in brackets; return the operations without a success."""
    labels = sorted({label for found in calls.values() for label, _ in found}, key=lambda label: label.split()[::-1])
    print(f"\n{'calls, and how many had success':60}" + "".join(f"{kind:>18}" for kind in calls))
    for label in labels:
        cells = ""
        for found in calls.values():
            made = sum(count for (name, _), count in found.items() if name == label)
            cells += f"{f'{made} ({_successes(found, label)})':>18}"
        print(f"{label:60}{cells}")
    print(f"{'all':60}" + "".join(f"{found.total():>18}" for found in calls.values()))
    return [label for label in labels if not any(_successes(found, label) for found in calls.values())]


def _successes(found: Calls, label: str) -> int:
    return sum(count for (name, status), count in found.items() if name == label and status < 300)


def main() -> int:
    """Fuzz, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long, in all")
    parser.add_argument("--examples", type=int, help="instead of a time: random cases for each operation, alone")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="repeats a run (default: a new one)")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    calls: dict[str, Calls] = {}
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = postgres.start(folder / "data")
        shop.fill(url)
        settings = {"CUSTOMERS_DATABASE_URL": url, "CUSTOMERS_MAIL_DIRECTORY": str(folder / "mail"), **shop.SETTINGS}
        service = Service(folder / "log", **settings)
        try:
            for kind in KINDS:
                print(f"\n== {kind}", flush=True)
                status, calls[kind] = fuzz(service, kind, folder, arguments)
                failed |= status != 0
            errors = [line for line in service.lines() if line["level"] == "error"]
        finally:
            service.stop()
    without = report(calls)
    # A few random cases alone, without the document's examples, may well be refused by all operations.
    faults = [] if arguments.examples else [f"Nobody called {label} with success." for label in without]
    faults += [f"The service logged: {line}" for line in errors]
    print(*faults, sep="\n")
    failed |= bool(faults)
    made = sum(found.total() for found in calls.values())
    print(f"{made} calls, seed {arguments.seed}:", "faults" if failed else "ok")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
