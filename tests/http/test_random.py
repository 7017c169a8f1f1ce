"""Random bodies and headers never give a 5xx. `make fuzz` goes deeper, by the OpenAPI document."""

import json
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st
from werkzeug.test import TestResponse

from tests.conftest import ADDRESS, PASSWORD, Account, new_client
from tests.http.test_access import ROUTES, Things, send
from tests.support.builders import MISSING

# Objects whose names are those that the service knows, with any JSON in them, lone surrogates and NUL included.
TEXT = st.text(st.characters(codec=None), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
LIKELY = st.sampled_from(["ann@example.com", PASSWORD, "x" * 73, "Ann", "1", 1, True, 1.0, "", " ", "\0", "\ud800"])
NAMES = ["email", "password", "full_name", "status", "group_id", "group_name", "token", "current_password", *ADDRESS]
VALUES = LIKELY | SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXT, SCALARS, max_size=3)
BODIES = VALUES | st.dictionaries(st.sampled_from(NAMES) | TEXT, VALUES, max_size=6)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Origin", "Sec-Fetch-Site", "X-Session-ID", "X-Request-ID", "Host", "Cookie", "X-Forwarded-For", "If-Match",
         "If-None-Match", "Idempotency-Key", "X-Original-Method", "Content-Type", "User-Agent"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    | st.sampled_from(["http://[", "null", "https://localhost:x", "customers=x.y.z", "a..b", "::", "localhost:99999"]),
)  # fmt: skip
BOUNDS = settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def is_fault(response: TestResponse) -> bool:
    """Return whether this is a fault: a 5xx, but that of an application without a mail server, which this one is."""
    return response.status_code >= 500 and response.get_json()["error"]["code"] != "mail_unavailable"


def target(route: str) -> str:
    """Return a path of a route: below oneself, and what is not there."""
    things = dict.fromkeys(("address_uuid", "session_uuid", "group_uuid"), MISSING)
    return Things(None, things).path(route, "me")  # type: ignore[arg-type]  # of nobody


@BOUNDS
@given(route=st.sampled_from([route for route, (_, _, body) in ROUTES.items() if body]), body=BODIES)
def test_random_json_never_gives_a_5xx(customer: Account, admin: Account, route: str, body: Any) -> None:
    for client in (customer.client, admin.client):
        method, path = route.split(maxsplit=1)[0], target(route)
        response = client.open(path, method=method, data=json.dumps(body), content_type="application/json")
        assert not is_fault(response), (body, response.text)


@BOUNDS
@given(route=st.sampled_from([*ROUTES]), headers=HEADERS)
def test_random_headers_never_give_a_5xx(app: Flask, customer: Account, route: str, headers: dict[str, str]) -> None:
    for client in (new_client(app, use_cookies=False), customer.client):
        response = send(client, route, target(route), headers=headers)
        assert not is_fault(response), (headers, response.text)
