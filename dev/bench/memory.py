"""How soon the service starts, and whether it grows: `python -m dev.bench.memory [--requests 100000]`.

Prints the time from the start to the first answer, and the proportional set size of all processes after 5,000 reads
and at the end.
"""

import argparse
import time

from dev.bench import data, load, serve

WARM = 5000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--requests", type=int, default=100_000)
    chosen = parser.parse_args()
    with data.server(chosen.url) as server, data.database(server, serve.REPOSITORY / "schema.sql", 1000) as found:
        read = data.Act("read", "GET", "/api/customers/me", found.customer_sids)
        began = time.monotonic()
        with serve.service(found.url) as running:
            load.times(running.port, (read.method, read.path, None, {"X-Session-ID": read.sids[0]}), 0.001)
            print(f"first answer after {time.monotonic() - began:.2f} s", flush=True)
            count = 0
            for goal in (WARM, chosen.requests):
                while count < goal:
                    count += load.run(running.port, read, 16, 1)[0]
                print(f"{serve.memory(running):.0f} MiB after {count:,} reads", flush=True)


if __name__ == "__main__":
    main()
