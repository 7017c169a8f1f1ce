"""Requests at the same time as others of any feature: of equal ones one wins, and one that waited sees what changed."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.support.builders import CUSTOMERS, ME, NEW, NEW_PASSWORD, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once, overtaken

EMAIL = "customer1@example.com"
SPELLINGS = ["ann@example.com", "ANN@Example.com"]
Clients = dict[str, CheckingClient]


@pytest.fixture
def clients(client: CheckingClient, customer: Account, other: Account, admin: Account) -> Clients:
    return {"anonymous": client, "customer": customer.client, "other": other.client, "admin": admin.client}


# What several do at once, by number -> how many do it, and the statuses. The customer has 85 addresses before.
AT_ONCE: dict[str, tuple[Callable[[int], tuple[str, str, Any]], int, dict[int, int]]] = {
    "register one e-mail": (
        lambda n: ("anonymous", f"POST {CUSTOMERS}", {**NEW, "email": SPELLINGS[n % 2]}), 24, {201: 1, 409: 23}
    ),
    "take one e-mail": (
        lambda n: (["customer", "other"][n % 2], f"PATCH {ME}", {"email": "x@y.zz"}), 16, {200: 8, 409: 8}
    ),
    "delete one customer": (lambda _: ("admin", "DELETE {own}", None), 16, {200: 1, 404: 15}),
    "add the 100th address": (lambda _: ("customer", "POST {own}/addresses", ADDRESS), 24, {201: 15, 409: 9}),
    "make a new or a known address the default": (
        lambda n: ("customer", ["PATCH {address}", "POST {own}/addresses"][n % 2], {**ADDRESS, "is_default": True}), 16,
        {200: 8, 201: 8}
    ),
}  # fmt: skip


@pytest.mark.parametrize("act", AT_ONCE)
def test_of_requests_at_once_as_many_win_as_may(
    clients: Clients, customer: Account, address: str, db: Db, act: str
) -> None:
    request, count, statuses = AT_ONCE[act]
    db.execute("INSERT INTO customer_address (customer_id, country)"
               " SELECT customer_id, 'US' FROM customer_address, generate_series(1, 84)")  # fmt: skip

    def send(number: int) -> int:
        by, call, body = request(number)
        method, path = call.format(own=customer.path, address=address).split()
        client = new_client(clients[by].application) if by == "anonymous" else clients[by]  # with cookies of its own
        return client.open(path, method=method, json=body).status_code

    assert Counter(at_once(count, send)) == statuses
    assert len(db.all("SELECT FROM customer_address WHERE is_default")) == ("default" in act)


LOGIN = {"email": EMAIL, "password": PASSWORD}
CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
BOTH = {"telephone": "1", "city": "X"}  # what the other transaction and the request have changed
RESET = {"token": "the secret of a mail", "password": NEW_PASSWORD}
# What a transaction has done that commits while a request waits for it -> the request, and what comes of it.
OVERTAKEN: list[tuple[str, str, str, Any, str]] = [
    # The password was right when it was checked; the change has ended all sessions, and would not see a new one.
    *((f"UPDATE customer SET {change}; DELETE FROM login_session", "anonymous", "POST /customer/login", LOGIN,
       "401 invalid_credentials") for change in ("password = 'x'", "status = 0")),
    ("UPDATE customer SET password = 'x'", "customer", f"POST {ME}/password", CHANGE, "403 wrong_password"),
    ("UPDATE customer SET status = 0", "anonymous", f"POST {CUSTOMERS}/password", RESET, "400 invalid_token"),
    # Whoever is thrown out while a request waits, as while a password is hashed, does not get a last change in.
    # A logout ends one session without a lock on the account.
    *((f"{change}DELETE FROM login_session", "customer", call, body, "401 not_authenticated")
      for change in ("UPDATE customer SET password = 'x'; ", "")
      for call, body in ((f"PATCH {ME}", {"password": NEW_PASSWORD}), (f"PATCH {ME}", {"email": "thief@example.com"}),
                         (f"PATCH {ME}", {"full_name": "Thief"}), (f"DELETE {ME}", None),
                         (f"POST {ME}/password", CHANGE), (f"DELETE {ME}/sessions", None))),
    *(("UPDATE customer SET status = 0", "customer", call, body, "401 not_authenticated")
      for call, body in ((f"PATCH {ME}", {"full_name": "Thief"}), (f"POST {ME}/password", CHANGE))),
    ("DELETE FROM customer_group WHERE customer_group_id > 1", "admin", "PATCH {own}", {"group_id": "{group_id}"},
     "400 invalid_input"),
    ("UPDATE customer SET group_id = (SELECT max(customer_group_id) FROM customer_group)", "admin", "DELETE {group}",
     None, "200"),
    # Without If-Match nothing changes.
    ("DELETE FROM customer_address", "customer", "PATCH {address}", {"city": "X"}, "404 address_not_found"),
    ("DELETE FROM customer", "admin", "POST {own}/addresses", ADDRESS, "404 customer_not_found"),
    ("UPDATE customer_address SET telephone = '1'", "customer", "PATCH {address}", {"city": "X"}, "200"),
]  # fmt: skip
STATE = b"SELECT email, full_name, password, status, group_id FROM customer ORDER BY customer_id"


@pytest.mark.parametrize(("statements", "by", "call", "body", "expected"), OVERTAKEN)
def test_a_request_that_waited_sees_what_has_changed_meanwhile(
    clients: Clients, customer: Account, address: str, group: dict[str, Any], database: str, db: Db,
    statements: str, by: str, call: str, body: Any, expected: str,
) -> None:  # fmt: skip
    reset_token(db, customer)
    names = {"own": customer.path, "address": address, "group": group["path"], "group_id": group["customer_group_id"]}
    method, path = call.format(**names).split()
    body = body and {name: value.format(**names) for name, value in body.items()}
    with psycopg.connect(database) as conn:
        conn.execute(statements.encode())
        left = conn.execute(STATE).fetchall()
        conn.rollback()

    late = overtaken(database, db, statements, lambda: clients[by].open(path, method=method, json=body))

    error = late.get_json().get("error", {})
    assert f"{late.status_code} {error.get('code', '')}".strip() == expected, late.text
    if error:
        assert [tuple(row.values()) for row in db.all(STATE.decode())] == left
    assert {row["group_id"] for row in db.all("SELECT group_id FROM customer")} <= {1}
    assert "telephone" not in statements or db.one("SELECT telephone, city FROM customer_address") == BOTH
    assert "login_session" not in statements or db.all("SELECT FROM login_session") == []
