"""How often a request waits for PostgreSQL: on hot paths as seldom as may be, so that a regression shows.

Counted on the wire, as libpq traces it: what SQLAlchemy, psycopg or a transaction send on their own counts, too.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from customers.http import context
from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.support.builders import CUSTOMERS, ME, NEW, address_of, browser_of
from tests.support.round_trips import round_trips

# With the limits on, which count in the database.
DEFAULT_LIMITS = {"limit_free_attempts": 5, "limit_network_failures": 30, "limit_account_failures": 100,
                  "limit_registrations": 20, "limit_email_changes": 5}  # fmt: skip

LOGIN = {"email": "customer1@example.com", "password": PASSWORD}

# Who asks for what, and how many round trips that is. Who calls is found by the statement that reads.
REQUESTS: list[tuple[str, str, Any, int]] = [
    ("customer", f"GET {ME}", None, 1),
    ("browser", f"GET {ME}", None, 1),
    ("customer", "GET {admin}", None, 1),  # refused
    ("customer", "GET /session", None, 1),
    ("customer", f"GET {ME}/addresses", None, 2),
    ("customer", "GET {address}", None, 2),
    ("customer", f"GET {ME}/sessions", None, 2),
    ("admin", "GET {customer}", None, 1),
    ("admin", f"GET {CUSTOMERS}", None, 1),
    ("admin", f"GET {CUSTOMERS}?keyword=example&status=1&sort=-email", None, 1),
    ("", "POST /customer/login", LOGIN, 2),
    ("", "POST /customer/login", {**LOGIN, "password": "not mine"}, 4),
    ("", f"POST {CUSTOMERS}", NEW, 2),
    ("customer", f"PATCH {ME}", {"full_name": "Zoe"}, 1),
    ("customer", f"PATCH {ME}", {"email": "new@example.com"}, 9),
    ("customer", f"POST {ME}/addresses", ADDRESS, 5),
    ("customer", "PATCH {address}", {"city": "X"}, 6),
    ("customer", "POST /customers/logout", None, 4),
    ("admin", "PATCH {customer}", {"status": 0}, 8),
]


@pytest.mark.parametrize(("who", "call", "body", "trips"), REQUESTS)
def test_a_request_makes_no_more_round_trips(
    app_with: Callable[..., Flask], accounts: dict[str, Account], who: str, call: str, body: Any, trips: int
) -> None:
    # One that prepares no statement: to prepare one is a round trip now and then.
    app = app_with(prepared_statements=False, **DEFAULT_LIMITS)
    customer, admin = accounts["customer"], accounts["admin"]
    method, path = call.format(customer=customer.path, address=address_of(customer), admin=admin.path).split()
    client = browser_of(app, customer) if who == "browser" else new_client(app, use_cookies=False)
    headers = accounts[who].headers if who in accounts else {}

    assert round_trips(context.of(app), lambda: client.open(path, method=method, json=body, headers=headers)) == trips
