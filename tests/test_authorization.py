"""Who may call what: one walk over every route (CONTRACT section 1)."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, PASSWORD, Account, new_client

OTHERS_UUID = str(uuid.UUID(int=1))

# Every route but the files of the documentation page: what anonymous, a customer, and an admin get. "own" is the
# customer's own uuid, "other" another's, "none" nobody's.
EXPECTED: dict[tuple[str, str, str], tuple[int, int, int]] = {
    ("POST", "/api/customers", ""): (201, 201, 201),
    ("GET", "/api/customers", ""): (401, 403, 200),
    ("GET", "/api/customers/<customer:uuid>", "own"): (401, 200, 200),
    ("GET", "/api/customers/<customer:uuid>", "other"): (401, 403, 200),
    ("GET", "/api/customers/<customer:uuid>", "none"): (401, 403, 404),
    ("PATCH", "/api/customers/<customer:uuid>", "own"): (401, 200, 200),
    ("PATCH", "/api/customers/<customer:uuid>", "other"): (401, 403, 200),
    ("PATCH", "/api/customers/<customer:uuid>", "none"): (401, 403, 404),
    ("DELETE", "/api/customers/<customer:uuid>", "own"): (401, 200, 200),
    ("DELETE", "/api/customers/<customer:uuid>", "other"): (401, 403, 200),
    ("DELETE", "/api/customers/<customer:uuid>", "none"): (401, 403, 404),
    ("GET", "/api/customers/<customer:uuid>", "me"): (401, 200, 403),
    ("PATCH", "/api/customers/<customer:uuid>", "me"): (401, 200, 403),
    ("DELETE", "/api/customers/<customer:uuid>", "me"): (401, 200, 403),
    **{
        (method, f"/api/customers/<customer:uuid>{path}", whose): (401, *statuses)
        for method, path, success in (
            ("GET", "/addresses", 200),
            ("POST", "/addresses", 201),
            ("GET", "/addresses/<uuid:address_uuid>", 200),
            ("PATCH", "/addresses/<uuid:address_uuid>", 200),
            ("DELETE", "/addresses/<uuid:address_uuid>", 200),
            ("GET", "/sessions", 200),
            ("DELETE", "/sessions", 200),
            ("DELETE", "/sessions/<uuid:session_uuid>", 200),
            ("GET", "/export", 200),
        )
        for whose, statuses in (
            ("own", (success, success)),
            ("other", (403, success)),
            ("none", (403, 404)),
            ("me", (success, 403)),
        )
    },
    ("GET", "/api/customers/<customer:uuid>/audit", "own"): (401, 403, 200),
    ("GET", "/api/customers/<customer:uuid>/audit", "other"): (401, 403, 200),
    ("GET", "/api/customers/<customer:uuid>/audit", "none"): (401, 403, 404),
    ("GET", "/api/customers/<customer:uuid>/audit", "me"): (401, 403, 403),
    ("POST", "/api/customers/me/password", ""): (401, 200, 403),
    ("POST", "/api/customers/reset-password", ""): (503, 503, 503),  # no mail server here; nobody is refused
    ("POST", "/api/customers/password", ""): (400, 400, 400),  # no such token
    ("GET", "/api/customer-groups", ""): (401, 403, 200),
    ("POST", "/api/customer-groups", ""): (401, 403, 201),
    ("GET", "/api/customer-groups/<uuid:group_uuid>", ""): (401, 403, 404),
    ("PATCH", "/api/customer-groups/<uuid:group_uuid>", ""): (401, 403, 404),
    ("DELETE", "/api/customer-groups/<uuid:group_uuid>", ""): (401, 403, 404),
    ("POST", "/customer/login", ""): (200, 200, 200),
    ("POST", "/customer/logout", ""): (200, 200, 200),
    ("POST", "/customers/logout", ""): (200, 200, 200),
    ("POST", "/admin/user/login", ""): (200, 200, 200),
    ("POST", "/admin/user/logout", ""): (200, 200, 200),
    ("GET", "/session", ""): (401, 204, 204),
    ("GET", "/healthz", ""): (200, 200, 200),
    ("GET", "/readyz", ""): (200, 200, 200),
    ("GET", "/openapi.json", ""): (200, 200, 200),
    ("GET", "/docs", ""): (200, 200, 200),
}
CALLERS = ("anonymous", "customer", "admin")
FILES = {"docs.asset", "docs.static"}


def bodies(email: str) -> dict[str, Any]:
    return {
        "POST /api/customers": {"email": "new@example.com", "password": PASSWORD, "full_name": "New"},
        "PATCH /api/customers/<customer:uuid>": {"full_name": "Changed"},
        "POST /api/customers/<customer:uuid>/addresses": ADDRESS,
        "PATCH /api/customers/<customer:uuid>/addresses/<uuid:address_uuid>": {"city": "Elsewhere"},
        "POST /api/customer-groups": {"group_name": "Wholesale"},
        "PATCH /api/customer-groups/<uuid:group_uuid>": {"group_name": "Wholesale"},
        "POST /api/customers/me/password": {"current_password": PASSWORD, "password": "another password"},
        "POST /api/customers/reset-password": {"email": email},
        "POST /api/customers/password": {"token": "x", "password": "another password"},
        "POST /customer/login": {"email": email, "password": PASSWORD},
        "POST /admin/user/login": {"email": "admin@example.com", "password": PASSWORD},
    }


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("method", "rule", "whose"), EXPECTED)
def test_a_route_serves_those_who_may_call_it_and_refuses_the_others(
    app: Flask,
    admin: Account,
    make_customer: Callable[..., Account],
    method: str,
    rule: str,
    whose: str,
    caller: str,
) -> None:
    own, other = make_customer(), make_customer()
    clients: dict[str, CheckingClient] = {
        "anonymous": new_client(app),
        "customer": own.client,
        "admin": admin.client,
    }
    named = {"own": own.uuid, "other": other.uuid, "me": "me"}.get(whose, OTHERS_UUID)
    path = rule.replace("<customer:uuid>", named)
    target = {"own": own, "me": own, "other": other}.get(whose)
    if target is not None:
        address = target.client.post(f"{target.path}/addresses", json=ADDRESS).get_json()["data"]["uuid"]
        session = target.client.get(f"{target.path}/sessions").get_json()["data"][0]["uuid"]
        path = path.replace("<uuid:address_uuid>", address).replace("<uuid:session_uuid>", session)
    path = re.sub("<uuid:[a-z]+_uuid>", OTHERS_UUID, path)

    response = clients[caller].open(path, method=method, json=bodies(own.email).get(f"{method} {rule}"))

    assert response.status_code == EXPECTED[method, rule, whose][CALLERS.index(caller)], response.text


def routes(app: Flask) -> list[tuple[str, str, str]]:
    return [
        (method, rule.rule, rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in FILES and not rule.endpoint.startswith("pages.")  # walked in tests/pages/test_access.py
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_route_is_walked(app: Flask) -> None:
    assert {(method, rule) for method, rule, _ in routes(app)} == {(method, rule) for method, rule, _ in EXPECTED}


def test_every_route_names_who_may_call_it_and_documents_just_that(app: Flask) -> None:
    security: dict[str, list[dict[str, list[str]]]] = {
        "public": [],
        "anyone": [{}, {"sessionHeader": []}, {"sessionCookie": []}],
        "signed_in": [{"sessionHeader": []}, {"sessionCookie": []}],
        "customer": [{"sessionHeader": []}, {"sessionCookie": []}],
        "admin": [{"sessionHeader": []}, {"sessionCookie": []}],
        "owner_or_admin": [{"sessionHeader": []}, {"sessionCookie": []}],
    }
    undocumented = {"/openapi.json", "/docs"}  # not part of the API

    for method, rule, endpoint in routes(app):
        access = getattr(app.view_functions[endpoint], "access", None)
        assert access is not None, rule
        if rule in undocumented:
            assert access == "public"
            continue
        path = re.sub("<[a-z]+:([a-z_]+)>", r"{\1}", rule)
        operation = app.extensions["openapi"]["paths"][path][method.lower()]
        assert operation["security"] == security[access], rule
        assert operation["summary"]
        assert {"500", "503"} - ({"503"} if rule == "/healthz" else set()) <= set(operation["responses"])
        if access not in ("public", "anyone"):
            assert {"401", "403"} <= set(operation["responses"])


def test_who_has_no_rights_learns_nothing_of_whether_a_uuid_exists(customer: Account, make_customer: Any) -> None:
    existing = customer.client.get(make_customer().path)
    missing = customer.client.get(f"/api/customers/{OTHERS_UUID}")

    assert existing.status_code == missing.status_code == 403
    assert existing.get_json() == missing.get_json()


def test_a_customer_and_an_admin_may_be_signed_in_from_one_browser(
    app: Flask, admin: Account, customer: Account
) -> None:
    browser = new_client(app)
    browser.post("/customer/login", json={"email": customer.email, "password": PASSWORD})
    browser.post("/admin/user/login", json={"email": admin.email, "password": PASSWORD})
    both = browser.get("/api/customers").status_code

    browser.post("/admin/user/logout")

    assert both == 200
    assert browser.get("/api/customers").status_code == 403
    assert browser.get(customer.path).status_code == 200


def test_a_customer_may_not_send_status(customer: Account, admin: Account) -> None:
    refused = customer.client.patch(customer.path, json={"status": 1, "full_name": "X"})
    allowed = admin.client.patch(customer.path, json={"status": "1"})

    assert (refused.status_code, refused.get_json()["error"]["code"]) == (403, "status_forbidden")
    assert allowed.status_code == 200
