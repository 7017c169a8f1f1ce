"""Random bodies, headers and query strings never give a 5xx. `make fuzz` goes deeper, by the OpenAPI document."""

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st
from werkzeug.test import TestResponse

from customers.features.accounts.schemas import ListQuery
from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.http.test_access import ROUTES, Things, send
from tests.support.builders import ME, MISSING

# Any JSON, lone surrogates and NUL included; and objects whose names are those that the service knows.
TEXT = st.text(st.characters(codec=None), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=10
)
NAMES = st.sampled_from(
    ["email", "password", "full_name", "status", "group_id", "group_name", "token", "current_password", "links",
     "telephone", "is_default", *ADDRESS]
)  # fmt: skip
LIKELY = st.sampled_from(["ann@example.com", PASSWORD, "x" * 73, "Ann", "1", 1, True, 1.0, "", " ", "\0", "\ud800"])
BODIES = JSON | st.dictionaries(NAMES | TEXT, LIKELY | JSON, max_size=6)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Origin", "Sec-Fetch-Site", "X-Session-ID", "X-Request-ID", "Host", "Cookie", "X-Forwarded-For", "If-Match",
         "If-None-Match", "Idempotency-Key", "X-Original-Method", "Content-Type", "User-Agent"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    | st.sampled_from(["http://[", "null", "https://localhost:x", "customers=x.y.z", "a..b", "::", "localhost:99999"]),
)  # fmt: skip
BOUNDS = settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CUSTOMER = "/api/customers/<customer:uuid>"
READING_HEADERS = [
    *("GET /session", "POST /customer/login", "POST /customer/logout", "POST /api/customers"),
    *(f"GET {CUSTOMER}", f"PATCH {CUSTOMER}", f"POST {CUSTOMER}/addresses"),
]
WITH_BODIES = [route for route, (_, _, body) in ROUTES.items() if body]


def is_fault(response: TestResponse) -> bool:
    """Return whether this is a fault: a 5xx, but that of an application without a mail server, which this one is."""
    return response.status_code >= 500 and response.get_json()["error"]["code"] != "mail_unavailable"


def target(route: str) -> str:
    """Return a path of a route: below oneself, and what is not there."""
    things = dict.fromkeys(("address_uuid", "session_uuid", "group_uuid"), MISSING)
    return Things(None, things).path(route, "me")  # type: ignore[arg-type]  # of nobody


@pytest.mark.parametrize("route", WITH_BODIES)
@BOUNDS
@given(body=BODIES)
def test_random_json_never_gives_a_5xx(customer: Account, admin: Account, route: str, body: Any) -> None:
    method, path = route.split(maxsplit=1)[0], target(route)
    for client in (customer.client, admin.client):
        response = client.open(path, method=method, data=json.dumps(body), content_type="application/json")
        assert not is_fault(response), (body, response.text)


@pytest.mark.parametrize("route", READING_HEADERS)
@BOUNDS
@given(headers=HEADERS)
def test_random_headers_never_give_a_5xx(app: Flask, customer: Account, route: str, headers: dict[str, str]) -> None:
    for client in (new_client(app, use_cookies=False), customer.client):
        response = send(client, route, target(route), headers=headers)
        assert not is_fault(response), (headers, response.text)


@settings(BOUNDS, max_examples=60)
@given(name=st.sampled_from([*ListQuery().fields, "x"]), value=st.text(max_size=12))
def test_random_query_strings_are_answered_or_a_400(admin: Account, name: str, value: str) -> None:
    assert admin.client.get("/api/customers", query_string={name: value}).status_code in (200, 400)
    assert admin.client.get(f"{ME}/audit", query_string={name: value}).status_code == 403
