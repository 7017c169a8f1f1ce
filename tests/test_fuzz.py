"""Random JSON thrown at every route never gives a 5xx."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st
from werkzeug.test import TestResponse

from customers.features.accounts.schemas import ListQuery
from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, PASSWORD, Account, new_client

# Any JSON, lone surrogates and NUL included; and objects whose names are those that the service knows.
TEXT = st.text(st.characters(codec=None), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=10
)
NAMES = st.sampled_from(
    [
        "email",
        "password",
        "full_name",
        "status",
        "customer_id",
        "uuid",
        "group_id",
        "group_name",
        "links",
        "token",
        "current_password",
        *ADDRESS,
        "telephone",
        "address_2",
        "city",
        "is_default",
    ]
)
LIKELY = st.sampled_from(["ann@example.com", PASSWORD, "x" * 73, "Ann", "1", 1, True, 1.0, "", " ", "\0", "\ud800"])
BODIES = JSON | st.dictionaries(NAMES | TEXT, LIKELY | JSON, max_size=6)

ROUTES = [
    ("POST", "/api/customers"),
    ("GET", "/api/customers"),
    ("GET", "{own}"),
    ("PATCH", "{own}"),
    ("DELETE", "/api/customers/00000000-0000-0000-0000-000000000001"),
    ("DELETE", "{own}"),
    ("GET", "{own}/addresses"),
    ("POST", "{own}/addresses"),
    ("GET", "{address}"),
    ("PATCH", "{address}"),
    ("DELETE", "{own}/addresses/00000000-0000-0000-0000-000000000001"),
    ("GET", "{own}/sessions"),
    ("DELETE", "{own}/sessions"),
    ("DELETE", "{own}/sessions/00000000-0000-0000-0000-000000000001"),
    ("GET", "{own}/export"),
    ("GET", "{own}/audit"),
    ("GET", "/api/customer-groups"),
    ("POST", "/api/customer-groups"),
    ("GET", "/api/customer-groups/00000000-0000-0000-0000-000000000001"),
    ("PATCH", "/api/customer-groups/00000000-0000-0000-0000-000000000001"),
    ("DELETE", "/api/customer-groups/00000000-0000-0000-0000-000000000001"),
    ("POST", "/api/customers/me/password"),
    ("POST", "/api/customers/reset-password"),
    ("POST", "/api/customers/password"),
    ("POST", "/customer/login"),
    ("POST", "/customer/logout"),
    ("POST", "/customers/logout"),
    ("POST", "/admin/user/login"),
    ("POST", "/admin/user/logout"),
    ("GET", "/session"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


def target(customer: Account, path: str) -> str:
    """Return a path with the customer's own things in it; what an earlier example deleted is made anew."""
    if "{address}" in path:
        created = customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
        return created.headers.get("Location", f"{customer.path}/addresses/00000000-0000-0000-0000-000000000001")
    return path.replace("{own}", customer.path)


def is_no_mail(response: TestResponse) -> bool:
    """Return whether this is the 503 of an application without a mail server, which this one is."""
    return response.status_code == 503 and response.get_json()["error"]["code"] == "mail_unavailable"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=BODIES)
def test_random_json_never_gives_a_5xx(
    app: Flask, customer: Account, admin: Account, method: str, path: str, body: Any
) -> None:
    path = target(customer, path)
    data = json.dumps(body)
    clients: list[CheckingClient] = [new_client(app, use_cookies=False), customer.client, admin.client]

    for client in clients:
        response = client.open(path, method=method, data=data, content_type="application/json")
        assert response.status_code < 500 or is_no_mail(response), (body, response.text)


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Origin",
            "Sec-Fetch-Site",
            "X-Session-ID",
            "X-Request-ID",
            "Host",
            "Cookie",
            "X-Forwarded-For",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    | st.sampled_from(["http://[", "null", "https://localhost:x", "customers=x.y.z", "a..b", "::", "localhost:99999"]),
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(headers=HEADERS)
def test_random_headers_never_give_a_5xx(
    app: Flask, customer: Account, method: str, path: str, headers: dict[str, str]
) -> None:
    for client in (new_client(app), customer.client):
        response = client.open(target(customer, path), method=method, json={}, headers=headers)
        assert response.status_code < 500 or is_no_mail(response), (headers, response.text)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(name=st.sampled_from([*ListQuery().fields, "x"]), value=st.text(max_size=12))
def test_random_query_strings_never_give_a_5xx(name: str, value: str, admin_client: CheckingClient) -> None:
    response = admin_client.get("/api/customers", query_string={name: value})

    assert response.status_code in (200, 400)


@pytest.fixture(scope="module")
def admin_client(shared_app: Flask) -> CheckingClient:
    from customers.admins import service as admins
    from tests.conftest import log_in

    ctx = shared_app.extensions["customers"]
    email = "fuzzer@example.com"
    admins.create(ctx, email=email, password=PASSWORD, full_name="F")
    client = new_client(shared_app, use_cookies=False)
    client.environ_base["HTTP_X_SESSION_ID"] = log_in(client, email, path="/admin/user/login")
    return client


def test_every_route_is_fuzzed(app: Flask) -> None:
    def shape(path: str) -> str:
        path = path.replace("{address}", "{own}/addresses/00000000-0000-0000-0000-000000000001")
        path = path.replace("{own}", "/api/customers/*")
        path = path.replace("/api/customers/00000000-0000-0000-0000-000000000001", "/api/customers/*")
        return path.replace("00000000-0000-0000-0000-000000000001", "*")

    there = {
        (method, re.sub("<[^>]+>", "*", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/docs", "/openapi.json")) and not rule.endpoint.startswith("pages.")
    }
    assert {(method, shape(path)) for method, path in ROUTES} == there
