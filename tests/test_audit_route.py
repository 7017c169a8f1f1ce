"""`GET /api/customers/{uuid}/audit`: the trail of one customer, for admins."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from customers.context import Context
from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db


def trail(client: CheckingClient, path: str, query: str = "") -> dict[str, Any]:
    response = client.get(f"{path}/audit{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def test_it_is_the_newest_first_with_who_when_and_from_where(customer: Account, admin: Account) -> None:
    headers = {"User-Agent": "Tester/1.0", "X-Request-ID": "find-me"}
    admin.client.patch(customer.path, json={"status": 0}, headers=headers)

    newest, *others = trail(admin.client, customer.path)["data"]

    assert [entry["event"] for entry in others] == ["login_succeeded", "customer_registered"]
    made = datetime.strptime(newest.pop("created_at"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 60
    assert newest.pop("audit_log_id") > others[0]["audit_log_id"] > others[1]["audit_log_id"]
    assert newest == {
        "event": "status_changed",
        "actor": {"kind": "admin", "uuid": admin.uuid},
        "ip": "127.0.0.1",
        "user_agent": "Tester/1.0",
        "request_id": "find-me",
        "details": {"from": 1, "to": 0, "sessions_ended": 1},
    }
    assert others[0]["actor"] == {"kind": "customer", "uuid": customer.uuid}
    assert others[1]["actor"] == {"kind": "anonymous", "uuid": None}


def test_it_comes_in_pages_whose_links_keep_the_limit(customer: Account, admin: Account) -> None:
    for name in "abc":
        customer.client.patch(customer.path, json={"full_name": name})

    answers = [trail(admin.client, customer.path, f"?limit=2&page={page}") for page in (1, 2, 3, 4)]

    assert [len(answer["data"]) for answer in answers] == [2, 2, 1, 0]
    ids = [entry["audit_log_id"] for answer in answers for entry in answer["data"]]
    assert ids == sorted(ids, reverse=True)
    path = f"{customer.path}/audit"
    assert answers[1]["links"] == {
        "first": f"{path}?page=1&limit=2",
        "last": f"{path}?page=3&limit=2",
        "prev": f"{path}?page=1&limit=2",
        "next": f"{path}?page=3&limit=2",
    }
    assert answers[1]["meta"] == {
        "current_page": 2, "from": 3, "last_page": 3, "path": path, "per_page": 2, "to": 4, "total": 5,
    }  # fmt: skip
    assert (answers[3]["meta"]["from"], answers[3]["meta"]["total"]) == (None, 5)


@pytest.mark.parametrize("query", ["page=0", "limit=101", "limit=x", "keyword=a", "page=1&page=2"])
def test_a_parameter_that_is_unknown_or_out_of_range_is_refused(customer: Account, admin: Account, query: str) -> None:
    response = admin.client.get(f"{customer.path}/audit?{query}")

    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_input")
    assert list(response.get_json()["error"]["errors"]) == [query.partition("=")[0]]


def test_a_deleted_customers_trail_can_still_be_read(customer: Account, admin: Account) -> None:
    customer.client.delete(customer.path)

    found = trail(admin.client, customer.path)

    assert [entry["event"] for entry in found["data"]] == ["customer_deleted", "login_succeeded", "customer_registered"]


def test_who_never_was_there_is_not_found_and_who_left_no_trace_has_an_empty_trail(
    customer: Account, admin: Account, db: Db
) -> None:
    db.empty_audit_log()

    unknown = admin.client.get(f"/api/customers/{uuid.uuid4()}/audit")

    assert (unknown.status_code, unknown.get_json()["error"]["code"]) == (404, "customer_not_found")
    assert trail(admin.client, customer.path)["data"] == []
    assert trail(admin.client, customer.path)["meta"]["total"] == 0


def test_the_uuid_of_an_admin_or_a_group_is_no_customers(admin: Account) -> None:
    group = admin.client.post("/api/customer-groups", json={"group_name": "B"}).get_json()["data"]["uuid"]

    for other in (admin.uuid, group):
        assert admin.client.get(f"/api/customers/{other}/audit").status_code == 404


def test_it_holds_nothing_of_others(make_customer: Callable[..., Account], admin: Account) -> None:
    first, second = make_customer(), make_customer()
    first.client.patch(first.path, json={"password": "staple correct horse"})

    found = trail(admin.client, second.path)

    assert {entry["actor"]["uuid"] for entry in found["data"]} == {None, second.uuid}
    assert found["meta"]["total"] == 2


def test_a_failed_login_shows_in_the_trail_of_whose_account_it_was(
    app: Flask, customer: Account, admin: Account
) -> None:
    new_client(app).post("/customer/login", json={"email": customer.email, "password": f"not {PASSWORD}"})

    entry = trail(admin.client, customer.path)["data"][0]

    assert (entry["event"], entry["actor"]) == ("login_failed", {"kind": "anonymous", "uuid": None})


def test_reading_it_takes_two_statements_and_recording_one_more(
    customer: Account, admin: Account, ctx: Context
) -> None:
    sent: list[str] = []
    engine = ctx.db._writing

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    def count(act: Callable[[], Any]) -> list[str]:
        sent.clear()
        act()
        return list(sent)

    event.listen(engine, "before_cursor_execute", note)
    try:
        read = count(lambda: admin.client.get(f"{customer.path}/audit"))
        other = count(lambda: admin.client.get(customer.path))
        both = count(lambda: admin.client.patch(customer.path, json={"email": "b@example.com", "full_name": "B"}))
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert len(read) == 2
    assert [statement for statement in other if "audit_log" in statement] == []
    assert len([statement for statement in both if "audit_log" in statement]) == 1
