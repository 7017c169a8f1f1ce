"""How quick a read stays while others sign in: `python -m dev.bench.rush`.

One client reads its own account: at rest, while 16 clients sign in at cost 10 (a rush), and while 64 clients send
logins that a limit refuses, without nginx in front (a flood). Prints the medians and their ratios to that at rest.
"""

import argparse
import json
import statistics

import bcrypt

from dev.bench import data, load, serve
from dev.bench.hashing import COST, CUSTOMERS, PASSWORD, SETTINGS, log_in
from dev.bench.load import Crowd, Request


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--seconds", type=int, default=5)
    chosen = parser.parse_args()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    with (
        data.server(chosen.url) as server,
        data.database(server, serve.REPOSITORY / "schema.sql", CUSTOMERS, hashed) as found,
    ):
        read: Request = ("GET", "/api/customers/me", None, {"X-Session-ID": found.customer_sids[0]})
        with serve.service(found.url, settings=SETTINGS) as running:
            _compare(running.port, read, chosen.seconds, "a rush of logins", log_in, 16)
        with serve.service(found.url, settings={"bcrypt_rounds": COST}) as running:
            _compare(running.port, read, chosen.seconds, "a flood of refused logins", refused, 64)


def _compare(port: int, read: Request, seconds: float, name: str, make: load.Make, clients: int) -> None:
    load.times(port, read, 1)  # connections, prepared statements
    at_rest = load.times(port, read, seconds)
    crowd = Crowd(port, make, clients, seconds + 2)
    load.times(port, read, 1)
    meanwhile = load.times(port, read, seconds)
    statuses = crowd.statuses()
    at_rest += load.times(port, read, seconds)
    rest, rush = statistics.median(at_rest), statistics.median(meanwhile)
    print(f"{name}: {rush * 1e3:.2f} ms, {rush / rest:.2f} of {rest * 1e3:.2f} ms at rest; answers: {dict(statuses)}")


def refused(_client: int, _number: int) -> Request:
    """Return a login with a wrong password, of one account."""
    body = {"email": "customer1@example.com", "password": "wrong horse battery"}
    return "POST", "/customer/login", json.dumps(body), load.JSON


if __name__ == "__main__":
    main()
