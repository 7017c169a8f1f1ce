"""What very many customers cost: `python -m dev.bench.million [--customers 1000000]`.

Runs the service on two databases, one with 1,000 customers and one with many, and asks both in turn for the first and
the last page, an exact e-mail and one customer. Prints the medians and their ratios.
"""

import argparse
import contextlib
import statistics

from dev.bench import data, load, serve
from dev.bench.data import Database

FEW = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=1_000_000)
    chosen = parser.parse_args()
    counts = (FEW, chosen.customers)
    with data.server(chosen.url) as server, contextlib.ExitStack() as stack:
        schema = serve.REPOSITORY / "schema.sql"
        databases = [stack.enter_context(data.database(server, schema, count)) for count in counts]
        running = [stack.enter_context(serve.service(found.url, workers=1)) for found in databases]
        paths = [_paths(found, count) for found, count in zip(databases, counts, strict=True)]
        for name in paths[0]:
            times: list[list[float]] = [[], []]
            for _ in range(chosen.rounds):
                for place in (0, 1):
                    headers = {"X-Session-ID": databases[place].admin_sid}
                    request = ("GET", paths[place][name], None, headers)
                    times[place] += load.times(running[place].port, request, chosen.seconds)
            few, many = (statistics.median(found) for found in times)
            print(f"{name}: {many * 1e3:.2f} ms with {counts[1]:,}, {many / few:.2f} of {few * 1e3:.2f} ms", flush=True)


def _paths(found: Database, count: int) -> dict[str, str]:
    return {
        "first page": "/api/customers",
        "last page": f"/api/customers?page={-(-count // 20)}",
        "exact e-mail": f"/api/customers?email=customer{count // 2}@example.com",
        "read one": f"/api/customers/{found.customer_uuid}",
    }


if __name__ == "__main__":
    main()
