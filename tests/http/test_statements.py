"""How often a request waits for PostgreSQL: on hot paths as seldom as may be, so that a regression shows.

Counted on the wire, as libpq traces it: what SQLAlchemy, psycopg or a transaction send on their own counts, too.
"""

from collections.abc import Callable

import pytest
from flask import Flask

from customers.http import context
from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.support.builders import CUSTOMERS, ME, NEW, address_of, browser_of
from tests.support.round_trips import round_trips

# With the limits on, which count in the database.
DEFAULT_LIMITS = {"limit_free_attempts": 5, "limit_network_failures": 30, "limit_account_failures": 100,
                  "limit_registrations": 20, "limit_email_changes": 5}  # fmt: skip

READS: dict[str, tuple[str, str]] = {
    "oneself": ("customer", ME),
    "oneself by uuid": ("customer", "{customer}"),
    "a customer": ("admin", "{customer}"),
    "a customer who is not there": ("admin", f"{CUSTOMERS}/00000000-0000-4000-8000-000000000000"),
    "a list": ("admin", CUSTOMERS),
    "a list with a keyword": ("admin", f"{CUSTOMERS}?keyword=example&status=1&sort=-email"),
    "addresses": ("customer", f"{ME}/addresses"),
    "an address": ("customer", "{address}"),
    "sessions": ("customer", f"{ME}/sessions"),
    "for a proxy": ("customer", "/session"),
    "somebody else": ("customer", "{admin}"),
}
# Who calls is found by the statement that reads.
ONE = {*READS} - {"addresses", "an address", "sessions"}


@pytest.fixture
def counted(make_app: Callable[..., Flask]) -> Flask:
    """Return an application with all limits that prepares no statement: to prepare one is a round trip now and then."""
    return make_app(prepared_statements=False, **DEFAULT_LIMITS)


def trips(app: Flask, method: str, path: str, body: object = None, by: Account | None = None) -> int:
    """Return how many round trips a request makes."""
    client = new_client(app, use_cookies=False)
    return round_trips(context.of(app), lambda: client.open(path, method=method, json=body, headers=by and by.headers))


@pytest.mark.parametrize("read", READS)
def test_a_read_is_at_most_two_round_trips(counted: Flask, accounts: dict[str, Account], read: str) -> None:
    who, path = READS[read]
    customer, admin = accounts["customer"], accounts["admin"]
    path = path.format(customer=customer.path, address=address_of(customer), admin=admin.path)

    assert trips(counted, "GET", path, by=accounts[who]) == (1 if read in ONE else 2)
    browser = browser_of(counted, accounts[who])
    assert round_trips(context.of(counted), lambda: browser.get(path)) == (1 if read in ONE else 2)


def test_signing_in_and_other_writes_are_as_many_round_trips_as_they_were(
    counted: Flask, accounts: dict[str, Account]
) -> None:
    customer, admin = accounts["customer"], accounts["admin"]
    login = {"email": customer.email, "password": PASSWORD}

    found = {
        "log in": trips(counted, "POST", "/customer/login", login),
        "log in with a wrong password": trips(counted, "POST", "/customer/login", {**login, "password": "not mine"}),
        "register": trips(counted, "POST", CUSTOMERS, NEW),
        "add an address": trips(counted, "POST", f"{ME}/addresses", ADDRESS, customer),
        "rename oneself": trips(counted, "PATCH", ME, {"full_name": "Zoe"}, customer),
        "change an address": trips(counted, "PATCH", address_of(customer), {"city": "X"}, customer),
        "change one's e-mail": trips(counted, "PATCH", ME, {"email": "new@example.com"}, customer),
        "log out": trips(counted, "POST", "/customers/logout", None, customer),
        "disable a customer": trips(counted, "PATCH", customer.path, {"status": 0}, admin),
    }

    assert found == {
        "log in": 9,
        "log in with a wrong password": 6,
        "register": 5,
        "add an address": 5,
        "rename oneself": 3,
        "change an address": 6,
        "change one's e-mail": 9,
        "log out": 4,
        "disable a customer": 8,
    }
