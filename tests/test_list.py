"""The list of customers (CONTRACT section 4)."""

from typing import Any

import pytest
from sqlalchemy import event

from customers.context import Context
from tests.conftest import Account
from tests.support.database import Db


def fill(db: Db, count: int) -> None:
    db.execute(
        "INSERT INTO customer (email, password, full_name) SELECT 'c' || n || '@example.com', 'x', 'C ' || n"
        " FROM generate_series(1, %s) AS n",
        count,
    )


def numbers(answer: dict[str, Any]) -> list[int]:
    return [int(item["full_name"].split()[1]) for item in answer["data"]]


def test_the_first_page_alone_has_just_the_documented_links_and_meta(admin: Account, db: Db) -> None:
    fill(db, 2)

    answer = admin.client.get("/api/customers").get_json()

    assert numbers(answer) == [1, 2]
    assert answer["links"] == {
        "first": "/api/customers?page=1",
        "last": "/api/customers?page=1",
        "prev": None,
        "next": None,
    }
    assert answer["meta"] == {
        "current_page": 1,
        "from": 1,
        "last_page": 1,
        "path": "/api/customers",
        "per_page": 20,
        "to": 2,
        "total": 2,
    }


def test_items_carry_neither_links_nor_addresses(admin: Account, db: Db) -> None:
    fill(db, 1)

    (item,) = admin.client.get("/api/customers").get_json()["data"]

    assert list(item) == [
        "customer_id",
        "uuid",
        "status",
        "group_id",
        "email",
        "full_name",
        "created_at",
        "updated_at",
    ]


def test_pages_follow_one_another_by_ascending_customer_id(admin: Account, db: Db) -> None:
    fill(db, 45)

    pages = [admin.client.get(f"/api/customers?page={page}").get_json() for page in (1, 2, 3)]

    assert [numbers(page) for page in pages] == [[*range(1, 21)], [*range(21, 41)], [*range(41, 46)]]
    assert [(p["meta"]["from"], p["meta"]["to"]) for p in pages] == [(1, 20), (21, 40), (41, 45)]
    assert [(p["links"]["prev"], p["links"]["next"]) for p in pages] == [
        (None, "/api/customers?page=2"),
        ("/api/customers?page=1", "/api/customers?page=3"),
        ("/api/customers?page=2", None),
    ]
    assert {p["meta"]["last_page"] for p in pages} == {3}


def test_links_keep_the_other_query_parameters(admin: Account, db: Db) -> None:
    fill(db, 5)

    answer = admin.client.get("/api/customers?limit=2&page=2").get_json()

    assert answer["meta"]["per_page"] == 2
    assert answer["links"] == {
        "first": "/api/customers?page=1&limit=2",
        "last": "/api/customers?page=3&limit=2",
        "prev": "/api/customers?page=1&limit=2",
        "next": "/api/customers?page=3&limit=2",
    }


def test_beyond_the_last_page_the_list_is_empty(admin: Account, db: Db) -> None:
    fill(db, 3)

    answer = admin.client.get("/api/customers?page=7&limit=2").get_json()

    assert answer["data"] == []
    assert answer["meta"] == {
        "current_page": 7,
        "from": None,
        "last_page": 2,
        "path": "/api/customers",
        "per_page": 2,
        "to": None,
        "total": 3,
    }
    assert answer["links"]["prev"] == "/api/customers?page=2&limit=2"
    assert answer["links"]["next"] is None


def test_without_customers_there_is_one_empty_page(admin: Account) -> None:
    answer = admin.client.get("/api/customers").get_json()

    assert answer["data"] == []
    assert (answer["meta"]["last_page"], answer["meta"]["total"]) == (1, 0)
    assert answer["links"]["last"] == "/api/customers?page=1"


@pytest.mark.parametrize("value", [1, 100])
def test_limit_may_be_1_to_100(admin: Account, value: int) -> None:
    assert admin.client.get(f"/api/customers?limit={value}").get_json()["meta"]["per_page"] == value


@pytest.mark.parametrize("name", ["page", "limit"])
@pytest.mark.parametrize(
    "value", ["0", "-1", "1.0", "1e2", "x", "", "%20 1", "1_0", "٣", "9" * 12, "9" * 40, "%00", "+1"]
)
def test_any_other_page_or_limit_is_a_400_that_names_it(admin: Account, name: str, value: str) -> None:
    response = admin.client.get(f"/api/customers?{name}={value}")

    assert response.status_code == 400
    assert list(response.get_json()["error"]["errors"]) == [name]


def test_a_limit_over_100_is_a_400(admin: Account) -> None:
    assert admin.client.get("/api/customers?limit=101").status_code == 400


def test_the_last_page_there_could_be_is_no_error(admin: Account) -> None:
    assert admin.client.get(f"/api/customers?page={2**31 - 1}&limit=100").status_code == 200


def test_an_unknown_query_parameter_is_a_400_that_names_it(admin: Account) -> None:
    response = admin.client.get("/api/customers?pgae=2")

    assert response.status_code == 400
    assert list(response.get_json()["error"]["errors"]) == ["pgae"]


@pytest.mark.parametrize("query", ["page=1&page=2", "limit=5&limit=7", "page=1&page=x", "page=1&page=1"])
def test_a_parameter_given_twice_is_a_400_that_names_it(admin: Account, query: str) -> None:
    response = admin.client.get(f"/api/customers?{query}")

    assert response.status_code == 400
    assert list(response.get_json()["error"]["errors"]) == [query.split("=", maxsplit=1)[0]]


@pytest.mark.parametrize("path", ["/api/customers", "own"])
def test_a_read_costs_two_statements_one_for_who_and_one_for_what(
    ctx: Context, customer: Account, admin: Account, path: str
) -> None:
    statements: list[str] = []
    engine = ctx.db.reading().__enter__().engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    admin.client.get(customer.path if path == "own" else path)

    assert len(statements) == 2
