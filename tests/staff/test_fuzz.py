"""Random forms and query strings sent to every page never cause a 5xx."""

from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.conftest import ADDRESS, Account
from tests.support.builders import MISSING
from tests.support.html import Visitor

# What a form can hold: all of Unicode but what UTF-8 has no bytes for.
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
LIKELY = st.sampled_from(
    ["ann@example.com", "x" * 300, "Ann", "1", "0", "-1", "9" * 30, "", " ", "\0", "US", "2026-01-31"]
)
NAMES = ["email", "password", "full_name", "status", "group_id", "group_name", "version", "is_default", "next"]
FILTERS = ["keyword", "status", "group_id", "created_from", "created_to", "sort", "page", "limit", "done"]
FORMS = st.dictionaries(st.sampled_from([*NAMES, *ADDRESS]) | TEXT, LIKELY | TEXT, max_size=6)
QUERIES = st.dictionaries(st.sampled_from(FILTERS) | TEXT, LIKELY | TEXT, max_size=4)
NOT_FUZZED = {"/admin/logout", "/admin-assets/<digest>/<name>"}


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(form=FORMS, query=QUERIES)
def test_random_forms_and_query_strings_never_cause_a_5xx(
    app: Flask, visitor: Visitor, customer: Account, admin: Account, form: dict[str, str], query: dict[str, str]
) -> None:
    token = visitor.get("/admin/groups").forms[""]["token"]
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("staff.")]
    made = admin.client.post(f"{customer.path}/addresses", json=ADDRESS)
    address = made.headers.get("Location", MISSING)[-36:]  # a form may have deleted the customer

    for rule in sorted(rules, key=lambda rule: rule.rule.endswith("/delete")):
        path = rule.rule.replace("<uuid:uuid>", customer.uuid if "customers" in rule.rule else MISSING)
        path = path.replace("<uuid:address_uuid>", address).replace("<uuid:session_uuid>", MISSING)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"} if rule.rule not in NOT_FUZZED else ():
            sent = {**form, "token": token} if method == "POST" else None
            answer = visitor.client.open(path, method=method, query_string=query, data=sent)
            assert answer.status_code < 500 or "Mail cannot be sent" in answer.text, (path, form, query, answer.text)
