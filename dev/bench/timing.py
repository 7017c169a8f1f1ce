"""Whether times tell which accounts exist: `python -m dev.bench.timing`.

Sends refused logins and requests for a new password, for an account and for an e-mail without one in random order, at
cost 10. Prints the medians and their ratio, which should be 1.
"""

import argparse
import http.client
import json
import random
import statistics
import time

import bcrypt

from dev.bench import data, load, serve
from dev.bench.hashing import COST, PASSWORD, SETTINGS
from dev.bench.load import Request

LIMITS_OFF = dict.fromkeys(("limit_account_failures", "limit_reset_requests"), 0)
MAIL = {
    "smtp_url": "smtp://127.0.0.1:9",
    "mail_from": "shop@example.com",
    "reset_url": "https://shop.example/#{token}",
    "mail_sender": False,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a PostgreSQL where databases may be made; by default an embedded one")
    parser.add_argument("--requests", type=int, default=200)
    chosen = parser.parse_args()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    with (
        data.server(chosen.url) as server,
        data.database(server, serve.REPOSITORY / "schema.sql", chosen.requests, hashed) as found,
        serve.service(found.url, settings={**SETTINGS, **LIMITS_OFF, **MAIL}) as running,
    ):
        for name, path in (("login", "/customer/login"), ("reset", "/api/customers/reset-password")):
            known, unknown = _times(running.port, path, chosen.requests)
            print(f"{name}: {known * 1e3:.2f} ms for an account, {known / unknown:.3f} of {unknown * 1e3:.2f} ms")


def _times(port: int, path: str, requests: int) -> tuple[float, float]:
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    emails = [(True, f"customer{number + 1}@example.com") for number in range(requests)]
    emails += [(False, f"nobody{number}@example.com") for number in range(requests)]
    random.shuffle(emails)
    times: dict[bool, list[float]] = {True: [], False: []}
    for known, email in emails:
        body = json.dumps({"email": email, "password": "wrong horse battery"})
        request: Request = ("POST", path, body, load.JSON)
        began = time.perf_counter()
        load.ask(conn, request)
        times[known].append(time.perf_counter() - began)
    return statistics.median(times[True]), statistics.median(times[False])


if __name__ == "__main__":
    main()
