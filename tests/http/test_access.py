"""Who may call what: every route, every caller, everybody's things.

The routes come from the application's map: a new one fails here until it stands in ROUTES.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, Account, new_client
from tests.support import builders
from tests.support.answers import data_of, refused
from tests.support.builders import ME, MISSING, NEW, NEW_PASSWORD
from tests.support.client import CheckingClient
from tests.support.database import TABLES, Db

CUSTOMER = "/api/customers/<customer:uuid>"
GROUP = "/api/customer-groups/<uuid:group_uuid>"
PRIVATE = {"full_name": "Wilhelmina Privatissima", "telephone": "555-0199-4242", "address_1": "7 Hidden Lane",
           "address_2": "Behind The Curtain", "city": "Unfindable", "province": "Nowhereshire", "country": "LI",
           "postcode": "XQ9-8888"}  # fmt: skip

# Route -> who may call it, the status of a success, the body that it needs.
ROUTES: dict[str, tuple[str, int, Any]] = {
    "POST /api/customers": ("anyone", 201, {**NEW, "email": "new@example.com"}),
    "GET /api/customers": ("admin", 200, None),
    f"GET {CUSTOMER}": ("owner_or_admin", 200, None),
    f"PATCH {CUSTOMER}": ("owner_or_admin", 200, {"full_name": "Thief"}),
    f"DELETE {CUSTOMER}": ("owner_or_admin", 200, None),
    f"GET {CUSTOMER}/export": ("owner_or_admin", 200, None),
    f"GET {CUSTOMER}/audit": ("admin", 200, None),
    f"GET {CUSTOMER}/addresses": ("owner_or_admin", 200, None),
    f"POST {CUSTOMER}/addresses": ("owner_or_admin", 201, PRIVATE),
    f"GET {CUSTOMER}/addresses/<uuid:address_uuid>": ("owner_or_admin", 200, None),
    f"PATCH {CUSTOMER}/addresses/<uuid:address_uuid>": ("owner_or_admin", 200, {"city": "X", "is_default": True}),
    f"DELETE {CUSTOMER}/addresses/<uuid:address_uuid>": ("owner_or_admin", 200, None),
    f"GET {CUSTOMER}/sessions": ("owner_or_admin", 200, None),
    f"DELETE {CUSTOMER}/sessions": ("owner_or_admin", 200, None),
    f"DELETE {CUSTOMER}/sessions/<uuid:session_uuid>": ("owner_or_admin", 200, None),
    "POST /api/customers/me/password": ("customer", 200, {"current_password": PASSWORD, "password": NEW_PASSWORD}),
    "POST /api/customers/reset-password": ("public", 503, {"email": "ann@example.com"}),  # there is no mail server here
    "POST /api/customers/password": ("public", 200, {"token": "a secret", "password": NEW_PASSWORD}),
    "GET /api/customer-groups": ("admin", 200, None),
    "POST /api/customer-groups": ("admin", 201, {"group_name": "New"}),
    f"GET {GROUP}": ("admin", 200, None),
    f"PATCH {GROUP}": ("admin", 200, {"group_name": "New"}),
    f"DELETE {GROUP}": ("admin", 200, None),
    "POST /customer/login": ("public", 200, {"email": "own@example.com", "password": PASSWORD}),
    "POST /customer/logout": ("public", 200, None),
    "POST /customers/logout": ("public", 200, None),
    "POST /admin/user/login": ("public", 200, {"email": "admin@example.com", "password": PASSWORD}),
    "POST /admin/user/logout": ("public", 200, None),
    "GET /session": ("signed_in", 204, None),
    "GET /healthz": ("public", 200, None),
    "GET /readyz": ("public", 200, None),
    "GET /metrics": ("public", 200, None),
    "GET /openapi.json": ("public", 200, None),
    "GET /docs": ("public", 200, None),
}
OK = 0  # stands for the status of a success
CALLERS = ("anonymous", "customer", "admin")
# Whom a route lets in -> whose uuid is in its path, if any -> what each of CALLERS gets.
EXPECTED: dict[str, dict[str, tuple[int, int, int]]] = {
    "public": {"": (OK, OK, OK)},
    "anyone": {"": (OK, OK, OK)},
    "signed_in": {"": (401, OK, OK)},
    "customer": {"": (401, OK, 403)},
    "admin": {"": (401, 403, OK), "own": (401, 403, OK), "another's": (401, 403, OK), "nobody's": (401, 403, 404),
              "me": (401, 403, 403)},
    "owner_or_admin": {"own": (401, OK, OK), "another's": (401, 403, OK), "nobody's": (401, 403, 404),
                       "me": (401, OK, 403)},
}  # fmt: skip


def undashed(uuid: str) -> str:
    return uuid.replace("-", "")


Things = tuple[Account, dict[str, str]]  # a customer, and the uuids that paths name, each in another form
Make = Callable[[str], Things]


@pytest.fixture
def things_of(make_customer: Callable[..., Account], admin: Account, db: Db) -> Make:
    """Return a function that registers a customer and makes one of each thing."""

    def make(email: str) -> Things:
        customer = make_customer(email)
        customer.client.patch(customer.path, json={"full_name": PRIVATE["full_name"]})
        address = builders.address_of(customer, **PRIVATE).rpartition("/")[2]
        builders.reset_token(db, customer, "a secret" if email.startswith("own") else email)
        group = builders.group_of(admin, f"Group of {email}")["uuid"]
        session = builders.session_of(customer.client).upper()
        uuids = {"uuid": undashed(customer.uuid).upper(), "address_uuid": undashed(address)}
        return customer, {**uuids, "session_uuid": session, "group_uuid": group}

    return make


def send(client: CheckingClient, route: str, uuids: dict[str, str], **kwargs: Any) -> TestResponse:
    """Send the request of a route. A KeyError means: a new kind of thing, which things_of() must make."""
    method, path = re.sub("<[a-z]+:([a-z_]+)>", lambda found: uuids[found[1]], route).split()
    return client.open(path, **{"method": method, "json": ROUTES[route][2], **kwargs})


def test_no_function_is_registered_around_views(app: Flask) -> None:
    """app.Service does not call such functions, so that one of them would be forgotten."""
    around = (app.url_value_preprocessors, app.before_request_funcs, app.teardown_request_funcs)
    assert not any(functions for kind in around for functions in kind.values())


def test_every_route_is_in_the_table_and_lets_in_whom_the_table_says(app: Flask) -> None:
    found = {
        f"{method} {rule.rule}": app.view_functions[rule.endpoint].__dict__["notes"]["access"]
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(("docs.asset", "docs.static", "staff."))  # which have tests of their own
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert found == {route: access for route, (access, _, _) in ROUTES.items()}


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_serves_those_who_may_call_it_and_refuses_the_others(
    app: Flask, admin: Account, db: Db, things_of: Make, route: str
) -> None:
    access, success, _ = ROUTES[route]
    used = True

    for whose, statuses in EXPECTED[access].items():
        if bool(whose) != (CUSTOMER in route):
            continue
        for caller, expected in zip(CALLERS, statuses, strict=True):
            if used:
                db.execute("DELETE FROM customer")
                db.execute("DELETE FROM customer_group WHERE customer_group_id > 1")
                (own, owns), (_, others) = things_of("own@example.com"), things_of("other@example.com")
            named = {"own": owns, "another's": others, "nobody's": {**owns, "uuid": MISSING}}
            clients = {"anonymous": new_client(app), "customer": own.client, "admin": admin.client}

            response = send(clients[caller], route, named.get(whose, {**owns, "uuid": "me"}))

            assert response.status_code == (expected or success), (whose, caller)
            used = expected == OK and not route.startswith("GET")


def everything(db: Db) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, with the transactions that wrote them: a write that changes nothing shows too."""
    return {table: db.all(f"SELECT xmin::text, * FROM {table} ORDER BY 2") for table in (*TABLES, "customer_group")}


@pytest.mark.parametrize("caller", ["anonymous", "another customer", "another customer by cookie"])
def test_a_refused_caller_learns_and_changes_nothing(app: Flask, things_of: Make, db: Db, caller: str) -> None:
    (owner, uuids), (other, _) = things_of("wilhelmina@private.example"), things_of("other@example.com")
    browser = builders.browser_of(app, *([other] if caller.endswith("cookie") else []))
    client = other.client if caller == "another customer" else browser
    private = [undashed(each.lower()) for each in (owner.email, *uuids.values(), *PRIVATE.values()) if len(each) > 2]
    # The owner's key and body: nobody else may get what they created.
    headers = {"Idempotency-Key": "the owners key", "If-None-Match": "*"}
    data_of(owner.client.post(f"{owner.path}/addresses", json=PRIVATE, headers=headers), 201)
    before = everything(db)

    for route in (route for route, (access, _, _) in ROUTES.items() if access in ("owner_or_admin", "admin")):
        requests: list[dict[str, Any]] = [{"headers": headers}, {"data": b"junk", "json": None}]
        for request in (*requests, *([{"method": "HEAD"}, {"query_string": "page=x"}] if "GET" in route else [])):
            response = send(client, route, uuids, **request)
            assert response.status_code == (401 if caller == "anonymous" else 403), (route, response.text)
            told = undashed(f"{response.text}\n{response.headers}".lower())
            assert [value for value in private if value in told] == [], (route, response.text)
            assert not {"ETag", "Location", "Content-Disposition"} & set(response.headers.keys())
    assert everything(db) == before


def test_what_is_anothers_looks_like_what_does_not_exist(things_of: Make, admin: Account, db: Db) -> None:
    (_, theirs), (other, own) = things_of("owner@example.com"), things_of("other@example.com")
    missing = dict.fromkeys(theirs, MISSING)
    before = everything(db)

    for client, place in ((other.client, own["uuid"]), (other.client, "me"), (admin.client, own["uuid"])):
        for route in (route for route in ROUTES if route.count("<") == 2):
            answer, none = (send(client, route, {**uuids, "uuid": place}) for uuids in (theirs, missing))
            assert (answer.status_code, answer.data) == (none.status_code, none.data)
            assert answer.status_code == 404, (route, answer.text)
    assert everything(db) == before


def test_what_is_no_uuid_in_a_path_is_a_404(customer: Account, admin: Account) -> None:
    for junk in ("ME", "me ", "me%00", "1", "{uuid}x", "{uuid}/", "%00", "urn:uuid:{uuid}", "{{uuid}}", "\uff11" * 32,
                 "0" * 31 + "g", "1" * 31, "1" * 40, "%ff" * 32, "..%2fcustomers"):  # fmt: skip
        named = junk.replace("{uuid}", customer.uuid)
        refused(admin.client.get(f"/api/customers/{named}"), 404, "not_found")
        refused(customer.client.delete(f"{ME}/addresses/{named}"), 404, "not_found")


def test_beside_an_admin_me_is_the_customer_without_powers(
    app: Flask, customer: Account, admin: Account, db: Db
) -> None:
    both = builders.browser_of(app, customer, admin)
    db.execute("UPDATE login_session SET created_at = now() - interval '1 day'")

    assert data_of(both.get(ME))["uuid"] == customer.uuid
    refused(both.patch(ME, json={"status": 1}), 403, "status_forbidden")
    refused(both.patch(ME, json={"group_id": 1}), 400, "nothing_to_update")
    refused(both.patch(ME, json={"email": "new@example.com"}), 403, "login_again")
    refused(both.delete(ME), 403, "login_again")
    data_of(both.patch(customer.path, json={"status": 1, "email": "new@example.com"}))
    data_of(both.post("/admin/user/logout"))
    refused(both.get("/api/customers"), 403, "forbidden")
    data_of(both.get(ME))
