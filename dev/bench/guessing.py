"""How many guesses at one account's password are hashed, and whether its owner gets in meanwhile: `make bench`.

Starts two instances of the service with two workers each on one PostgreSQL, and has 16 clients guess an account's
password in a loop, first from one network and then from 50, while the owner signs in from a network that the account
has signed in from before. Prints what was hashed, by the instances' own metrics. Everything runs on this machine, on
loopback, and stops by itself. Exit status 1: more was hashed than may be, or the owner did not get in at the first try.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from dev.bench.clients import LIMITS, PASSWORD, WRONG, Crowd, call, connect, sign_up
from tests.measured import Measured
from tests.service import Service

CLIENTS = 16
HOME = {"X-Forwarded-For": "203.0.113.9"}
# Networks -> how many guesses may be hashed in a minute.
MOST = {1: 20, 50: 300}


def hashed(instances: list[Measured]) -> int:
    """Return how many passwords the instances have hashed or checked."""
    return int(sum(one.value("customers_hashing_duration_seconds_count") for one in instances))


def attack(instances: list[Measured], networks: int, seconds: float) -> bool:
    """Guess from so many networks; print what came of it, and return whether all is as it should be."""
    ports = [one.service.port for one in instances]
    email = f"ann{networks}@example.com"
    sign_up(ports[0], email, HOME)
    before = hashed(instances)

    def guess(_: int) -> tuple[str, dict[str, str], dict[str, str]]:
        body = {"email": email, "password": WRONG}
        return "/customer/login", body, {"X-Forwarded-For": f"198.51.100.{random.randrange(networks)}"}

    crowd = Crowd(ports, CLIENTS, seconds, guess)
    owner = []
    for port in ports:
        time.sleep(seconds / (len(ports) + 1))
        owner.append(call(connect(port), "POST", "/customer/login", {"email": email, "password": PASSWORD}, HOME)[0])
    statuses = crowd.statuses()
    count = hashed(instances) - before - len(owner)
    print(
        f"{CLIENTS} clients from {networks} networks, {seconds:g} s: {statuses.total()} guesses, {count} hashed"
        f" (at most {MOST[networks]}), by status {dict(statuses)}; the owner's logins: {owner}",
        flush=True,
    )
    return count <= MOST[networks] and owner == [200] * len(owner)


def measure(seconds: float) -> bool:
    """Run the benchmark and return whether all is as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {**LIMITS, "CUSTOMERS_DATA_DIR": f"{folder}/data", "CUSTOMERS_WORKERS": "2"}
        instances: list[Measured] = []
        try:
            for number in range(2):
                log = Path(folder) / f"log{number}"
                instances.append(Measured(Service, log, CUSTOMERS_TRUSTED_PROXIES="1", **settings))
            done = [attack(instances, networks, seconds) for networks in MOST]
            return all(done)
        finally:
            for one in instances:
                one.service.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long each of the two attacks lasts")
    sys.exit(not measure(parser.parse_args().seconds))
