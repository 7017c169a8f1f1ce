"""Random forms and query strings sent to every page never cause a 5xx."""

import re

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st
from werkzeug.test import TestResponse

from tests.conftest import ADDRESS, Account
from tests.support.html import Visitor

# What a form can hold: all of Unicode but what UTF-8 has no bytes for.
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
LIKELY = st.sampled_from(
    ["ann@example.com", "x" * 300, "Ann", "1", "0", "-1", "9" * 30, "", " ", "\0", "US", "2026-01-31"]
)
NAMES = st.sampled_from(
    ["email", "password", "full_name", "status", "group_id", "group_name", "version", "is_default", "next", *ADDRESS]
)
FORMS = st.dictionaries(NAMES | TEXT, LIKELY | TEXT, max_size=6)
QUERIES = st.dictionaries(
    st.sampled_from(["keyword", "status", "group_id", "created_from", "created_to", "sort", "page", "limit", "done"])
    | TEXT,
    LIKELY | TEXT,
    max_size=4,
)
LIMITS = settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

EDIT = "/admin/customers/edit/{own}"
FORM_PATHS = [
    "/admin/login",
    "/admin/customers/new",
    EDIT,
    f"{EDIT}/status",
    f"{EDIT}/password-mail",
    f"{EDIT}/delete",
    f"{EDIT}/addresses/new",
    f"{EDIT}/addresses/{{address}}",
    f"{EDIT}/addresses/{{address}}/default",
    f"{EDIT}/addresses/{{none}}/delete",
    f"{EDIT}/sessions/end",
    f"{EDIT}/sessions/{{none}}/end",
    "/admin/groups",
    "/admin/groups/{none}",
    "/admin/groups/{none}/delete",
]
NONE = "00000000-0000-0000-0000-000000000001"


def is_fault(answer: TestResponse) -> bool:
    """Return whether this is a 5xx, other than the 503 of an application without a mail server."""
    return answer.status_code >= 500 and "Mail cannot be sent" not in answer.text


@pytest.mark.parametrize("path", FORM_PATHS)
@LIMITS
@given(form=FORMS)
def test_random_forms_never_cause_a_5xx(visitor: Visitor, customer: Account, path: str, form: dict[str, str]) -> None:
    address = customer.client.post(f"{customer.path}/addresses", json=ADDRESS).headers.get("Location", NONE)
    path = path.format(own=customer.uuid, address=address.rpartition("/")[2], none=NONE)
    token = visitor.get("/admin/groups").forms[""]["token"]

    answer = visitor.client.post(path, data={**form, "token": token})

    assert not is_fault(answer), (form, answer.text)


@pytest.mark.parametrize("path", ["/admin/customers", "/admin/login", "/admin/groups", "/admin/customers/new"])
@LIMITS
@given(query=QUERIES)
def test_random_query_strings_never_cause_a_5xx(visitor: Visitor, path: str, query: dict[str, str]) -> None:
    answer = visitor.client.get(path, query_string=query)

    assert not is_fault(answer), (query, answer.text)


def test_every_form_is_fuzzed(app: Flask) -> None:
    there = {
        re.sub("<[^>]+>", "*", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("staff.") and "POST" in (rule.methods or set())
    }

    assert {re.sub("{[^}]+}", "*", path) for path in FORM_PATHS} == there - {"/admin/logout"}
