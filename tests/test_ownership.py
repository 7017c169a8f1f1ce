"""Nobody reaches what belongs to another customer: every route, every caller, every form of a uuid (CONTRACT 1, 6, 7).

The routes come from the application's map. A new one with a customer's uuid in it is walked without being named here;
one with a new kind of thing in its path fails until furnish() makes the thing.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, Account, log_in, new_client
from tests.support.database import TABLES, Db

SECRET = {
    "full_name": "Wilhelmina Privatissima",
    "telephone": "555-0199-4242",
    "address_1": "7 Hidden Lane",
    "address_2": "Behind The Curtain",
    "city": "Unfindable",
    "province": "Nowhereshire",
    "country": "LI",
    "postcode": "XQ9-8888",
}
# The same key and body as the owner's: nobody else may get the remembered answer.
REPEATED = {"Idempotency-Key": "the owners key", "If-None-Match": "*"}
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/api/customers/<customer:uuid>"): {"full_name": "Thief"},
    ("POST", "/api/customers/<customer:uuid>/addresses"): SECRET,
    ("PATCH", "/api/customers/<customer:uuid>/addresses/<uuid:address_uuid>"): {
        "city": "Elsewhere",
        "is_default": True,
    },
}
FORMS: dict[str, Callable[[str], str]] = {
    "dashed": str,
    "undashed": lambda uuid: uuid.replace("-", ""),
    "upper": str.upper,
}


@dataclass
class Belongings:
    """A customer, and the uuids of what is in its paths."""

    account: Account
    uuids: dict[str, str]


def furnish(account: Account, name: str = "Ann Customer") -> Belongings:
    """Give a customer one of each thing that paths name."""
    account.client.patch(account.path, json={"full_name": name})
    created = account.client.post(
        f"{account.path}/addresses", json=SECRET if name != "Ann Customer" else ADDRESS, headers=REPEATED
    )
    sessions = account.client.get(f"{account.path}/sessions").get_json()["data"]
    uuids = {"address_uuid": created.get_json()["data"]["uuid"], "session_uuid": sessions[0]["uuid"]}
    return Belongings(account, uuids)


@pytest.fixture
def owner(make_customer: Callable[..., Account], db: Db) -> Belongings:
    owner = furnish(make_customer("wilhelmina@private.example"), SECRET["full_name"])
    db.execute("INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, 'x' FROM customer")
    return owner


@pytest.fixture
def other(make_customer: Callable[..., Account]) -> Belongings:
    return furnish(make_customer("other@example.com"))


def customer_routes(app: Flask) -> list[tuple[str, str]]:
    """Return method and rule of every route that has a customer's uuid in it."""
    found = [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if "<customer:" in rule.rule
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]
    assert len(found) >= 15, "eleven are in the contract's sections 1, 6 and 7, and each GET has its HEAD"
    return found


def path_of(rule: str, customer: str, uuids: dict[str, str], form: Callable[[str], str]) -> str:
    """Return a path of a rule. A KeyError means: a new kind of thing, add it to what furnish() makes."""
    path = re.sub("<customer:[a-z_]+>", customer, rule)
    return re.sub("<[a-z]+:([a-z_]+)>", lambda match: form(uuids[match[1]]), path)


def everything(db: Db) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, with the transactions that wrote them: a write that changes nothing shows too."""
    return {table: db.all(f"SELECT xmin::text, * FROM {table} ORDER BY 2") for table in TABLES}


def leaks(response: Any, owner: Belongings) -> list[str]:
    """Return what of the owner's is in an answer, its headers included."""
    known = [owner.account.email, owner.account.uuid, *owner.uuids.values(), *SECRET.values()]
    private = [text for text in known if text != SECRET["country"]]  # two letters are in every text
    text = f"{response.text}\n{response.headers}".lower()
    return [value for value in private if value.lower() in text or value.lower().replace("-", "") in text]


def signed_in_by_cookie(app: Flask, email: str) -> CheckingClient:
    client = new_client(app)
    log_in(client, email)
    return client


def ended(app: Flask, account: Account) -> CheckingClient:
    """Return a client whose session was ended; others of the account live."""
    client = new_client(app, use_cookies=False)
    client.environ_base["HTTP_X_SESSION_ID"] = log_in(client, account.email)
    assert client.post("/customers/logout").status_code == 200
    return client


CALLERS: dict[str, tuple[int, Callable[[Flask, Belongings, Belongings], CheckingClient]]] = {
    "anonymous": (401, lambda app, owner, other: new_client(app)),
    "another customer": (403, lambda app, owner, other: other.account.client),
    "another customer by cookie": (403, lambda app, owner, other: signed_in_by_cookie(app, other.account.email)),
    "another customer whose session was ended": (401, lambda app, owner, other: ended(app, other.account)),
    "the owner whose session was ended": (401, lambda app, owner, other: ended(app, owner.account)),
}


def test_the_owner_reaches_every_route_that_the_others_are_refused_at(app: Flask, owner: Belongings, db: Db) -> None:
    """Otherwise the walks below would prove nothing."""
    reads = [
        (method, rule)
        for method, rule in customer_routes(app)
        if method == "GET" and not rule.endswith("/audit")  # which is for the staff, about the owner
    ]

    for form in FORMS.values():
        for method, rule in reads:
            response = owner.account.client.open(
                path_of(rule, form(owner.account.uuid), owner.uuids, form), method=method
            )
            assert response.status_code == 200, (method, rule)
            if "session" not in rule:
                assert leaks(response, owner), (method, rule)


@pytest.mark.parametrize("things", ["the owner's", "own"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("caller", CALLERS)
def test_whom_a_customers_paths_do_not_belong_to_is_refused_learns_and_changes_nothing(
    app: Flask, owner: Belongings, other: Belongings, db: Db, caller: str, form: str, things: str
) -> None:
    status, make_client = CALLERS[caller]
    client = make_client(app, owner, other)
    spelled, uuids = FORMS[form], owner.uuids if things == "the owner's" else other.uuids
    before = everything(db)

    for method, rule in customer_routes(app):
        path = path_of(rule, spelled(owner.account.uuid), uuids, spelled)
        body = BODIES.get((method, rule), {} if method in ("POST", "PUT", "PATCH") else None)
        response = client.open(path, method=method, json=body, headers=REPEATED)

        assert response.status_code == status, (method, path, response.text)
        assert leaks(response, owner) == [], (method, path, response.text)
        assert "ETag" not in response.headers
        assert "Location" not in response.headers

    assert everything(db) == before


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["own", "me", "by an admin"])
def test_in_ones_own_paths_what_is_another_customers_is_a_404_and_stays(
    app: Flask, owner: Belongings, other: Belongings, admin: Account, db: Db, form: str, place: str
) -> None:
    client = admin.client if place == "by an admin" else other.account.client
    spelled = FORMS[form]
    customer = "me" if place == "me" else spelled(other.account.uuid)
    before = everything(db)

    for method, rule in customer_routes(app):
        if len(re.findall("<", rule)) == 1:
            continue
        path = path_of(rule, customer, owner.uuids, spelled)
        response = client.open(path, method=method, json=BODIES.get((method, rule)), headers={"If-None-Match": "*"})

        assert response.status_code == 404, (method, path, response.text)
        assert leaks(response, owner) == [], (method, path, response.text)

    assert everything(db) == before


def test_in_ones_own_paths_what_is_another_customers_looks_like_what_does_not_exist(
    app: Flask, owner: Belongings, other: Belongings
) -> None:
    nothing = dict.fromkeys(owner.uuids, "00000000-0000-4000-8000-000000000000")

    for method, rule in customer_routes(app):
        if len(re.findall("<", rule)) > 1:
            answers = [
                other.account.client.open(
                    path_of(rule, other.account.uuid, uuids, str), method=method, json=BODIES.get((method, rule))
                )
                for uuids in (owner.uuids, nothing)
            ]
            assert answers[0].status_code == answers[1].status_code == 404
            assert answers[0].data == answers[1].data, json.dumps(rule)


# ---------------------------------------------------------------- what an admin may


def test_an_admin_sees_a_customers_sessions_none_of_them_the_current(owner: Belongings, admin: Account) -> None:
    found = admin.client.get(f"{owner.account.path}/sessions").get_json()["data"]

    assert [(one["uuid"], one["current"]) for one in found] == [(owner.uuids["session_uuid"], False)]


@pytest.mark.parametrize("which", ["/{session_uuid}", ""])
def test_an_admin_ends_one_of_a_customers_sessions_or_all(
    app: Flask, owner: Belongings, other: Belongings, admin: Account, which: str
) -> None:
    second = signed_in_by_cookie(app, owner.account.email)

    response = admin.client.delete(f"{owner.account.path}/sessions{which.format(**owner.uuids)}")

    assert (response.status_code, response.get_json()) == (200, {"data": {}})
    clients = (owner.account.client, second, other.account.client, admin.client)
    statuses = [
        client.get(client_path).status_code
        for client, client_path in zip(
            clients, (owner.account.path, owner.account.path, other.account.path, "/api/customers"), strict=True
        )
    ]
    assert statuses == [401, 200 if which else 401, 200, 200]
