"""How soon the service starts, and whether it grows: `python -m dev.bench.memory [--requests 100000]`.

Prints the times from a start to the first answer, with bytecode compiled beforehand as in the image; and the
proportional set size of all processes after 5,000 reads and at the end.
"""

import argparse
import compileall
import statistics
import time

from dev.bench import data, load, serve

STARTS = 7
WARM = 5000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--requests", type=int, default=100_000)
    chosen = parser.parse_args()
    with data.server(chosen.url) as server, data.database(server, serve.REPOSITORY / "schema.sql", 1000) as found:
        read = data.Act("read", "GET", "/api/customers/me", found.customer_sids)
        compileall.compile_dir(serve.REPOSITORY / "customers", quiet=1)
        compileall.compile_file(serve.REPOSITORY / "app.py", quiet=1)
        starts = sorted(_first_answer(found.url, read) for _ in range(STARTS))
        found_times = f"{starts[0]:.2f} to {starts[-1]:.2f} in {STARTS} starts"
        print(f"first answer after {statistics.median(starts):.2f} s, {found_times}", flush=True)
        with serve.service(found.url) as running:
            count = 0
            for goal in (WARM, chosen.requests):
                while count < goal:
                    count += load.run(running.port, read, 16, 1)[0]
                print(f"{serve.memory(running):.0f} MiB after {count:,} reads", flush=True)


def _first_answer(url: str, read: data.Act) -> float:
    """Start the service, and return after how many seconds it has answered a read."""
    began = time.monotonic()
    with serve.service(url) as running:
        load.times(running.port, (read.method, read.path, None, {"X-Session-ID": read.sids[0]}), 0.001)
        return time.monotonic() - began


if __name__ == "__main__":
    main()
