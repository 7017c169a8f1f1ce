"""The list of customers as a page."""

import pytest

from tests.conftest import Account
from tests.support.database import Db
from tests.support.html import Page, Visitor

LIST = "/admin/customers"
EVIL = "<script>alert('x')</script>\"><b>"


def fill(db: Db, count: int) -> None:
    db.execute(
        "INSERT INTO customer (email, password, full_name, status, created_at) "
        "SELECT format('c%%s@example.com', lpad(n::text, 3, '0')), '-', format('Customer %%s', n), n %% 2, "
        "'2026-01-01'::timestamptz + n * interval '1 day' FROM generate_series(1, %s) AS n",
        count,
    )


def names(page: Page) -> list[str]:
    """Return the names in the table, as they stand there."""
    edits = [found["href"] for found in page.all("a", **{"class": "row-link"})]
    assert all(href.startswith("/admin/customers/edit/") for href in edits)
    return [text for text in page.texts.get("a", []) if text.startswith("Customer ")]


def href(page: Page, text: str) -> str:
    """Return where the link of a text leads."""
    links = [found for found in page.all("a") if "skip" not in found.get("class", "")]
    texts = [text for text in page.texts["a"] if text != "Skip to content"]
    return dict(zip(texts, [found["href"] for found in links], strict=True))[text]


def test_the_list_says_how_many_customers_there_are_and_links_its_pages(visitor: Visitor, db: Db) -> None:
    fill(db, 45)

    first = visitor.get(LIST)
    second = visitor.get(href(first, "Next"))
    last = visitor.get(href(first, "Last"))

    assert "1\u201320 of 45 customers" in first.texts["p"]
    assert names(first) == [f"Customer {n}" for n in range(1, 21)]
    assert names(second) == [f"Customer {n}" for n in range(21, 41)]
    assert names(last) == [f"Customer {n}" for n in range(41, 46)]
    assert last.texts["title"] == ["All customers (page 3 of 3) \u2013 Customers"]
    assert names(visitor.get(href(last, "First"))) == names(first)
    assert names(visitor.get(href(last, "Previous"))) == names(second)


def test_the_search_form_finds_and_keeps_what_was_typed(visitor: Visitor, db: Db) -> None:
    fill(db, 30)

    page = visitor.get(f"{LIST}?keyword=c02&status=&group_id=&created_from=&created_to=&sort=customer_id&limit=20")

    assert names(page) == [f"Customer {n}" for n in range(20, 30)]
    assert page.forms[LIST]["keyword"] == "c02"
    assert "1\u201310 of 10 customers found" in page.texts["p"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=1", [1, 3]),
        ("status=0", [2, 4]),
        ("created_from=2026-01-04", [3, 4]),
        ("created_to=2026-01-03", [1]),
        ("sort=-email&limit=3", [4, 3, 2]),
        ("group_id=1&status=0&sort=-created_at", [4, 2]),
    ],
)
def test_filters_and_sorting_are_those_of_the_api(visitor: Visitor, db: Db, query: str, found: list[int]) -> None:
    fill(db, 4)

    page = visitor.get(f"{LIST}?{query}")

    assert names(page) == [f"Customer {n}" for n in found]
    assert page.all("details", open="")
    for name, value in (pair.split("=") for pair in query.split("&")):
        assert page.forms[LIST].get(name, value) == value or name == "limit"


def test_the_pages_of_a_filtered_list_stay_filtered(visitor: Visitor, db: Db) -> None:
    fill(db, 50)

    page = visitor.get(f"{LIST}?keyword=c0&status=1&sort=-created_at")

    assert href(page, "Next") == f"{LIST}?keyword=c0&status=1&sort=-created_at&page=2"
    assert names(visitor.get(href(page, "Next")))[0] == "Customer 9"


def test_a_heading_sorts_by_its_column_and_again_the_other_way(visitor: Visitor, db: Db) -> None:
    fill(db, 3)

    up = visitor.get(f"{LIST}?sort=full_name&page=1")
    heading = up.all("th", **{"aria-sort": "ascending"})

    assert len(heading) == 1
    sorts = {found["href"] for found in up.all("a", **{"class": "sort"})}
    assert f"{LIST}?sort=-full_name" in sorts
    assert f"{LIST}?sort=email" in sorts
    assert visitor.get(f"{LIST}?sort=-full_name").all("th", **{"aria-sort": "descending"})
    assert names(visitor.get(f"{LIST}?sort=-full_name"))[0] == "Customer 3"


@pytest.mark.parametrize(
    ("query", "field"),
    [("created_from=soon", "created_from"), ("status=2", "status"), ("group_id=x", "group_id"), ("sort=shoe", "sort")],
)
def test_a_rejected_filter_says_why_at_its_field(visitor: Visitor, db: Db, query: str, field: str) -> None:
    fill(db, 2)

    page = visitor.get(f"{LIST}?{query}", 400)

    assert page.fault(field)
    assert names(page) == []


@pytest.mark.parametrize("query", ["page=0", "page=x", "nonsense=1"])
def test_a_rejected_parameter_without_a_field_says_why_above(visitor: Visitor, query: str) -> None:
    page = visitor.get(f"{LIST}?{query}", 400)

    assert page.all("div", role="alert")


def test_an_empty_list_says_why(visitor: Visitor, db: Db) -> None:
    assert "No customers yet" in visitor.get(LIST).texts["h2"]

    fill(db, 3)

    assert "Nobody found" in visitor.get(f"{LIST}?keyword=zebra").texts["h2"]
    beyond = visitor.get(f"{LIST}?page=9")
    assert "There is nothing on this page" in beyond.texts["h2"]
    assert href(beyond, "To the last page") == f"{LIST}?page=1"


def test_names_are_escaped(visitor: Visitor, customer: Account, db: Db) -> None:
    db.execute("UPDATE customer SET full_name = %s", EVIL)
    db.execute("UPDATE customer_group SET group_name = %s WHERE customer_group_id = 1", EVIL)
    customer.client.post(f"{customer.path}/addresses", json={
        "full_name": EVIL, "address_1": EVIL, "province": EVIL, "country": "us", "postcode": EVIL})  # fmt: skip
    customer.client.post(
        "/customer/login",
        json={"email": customer.email, "password": "correct horse battery"},
        headers={"User-Agent": EVIL},
    )
    address = db.one("SELECT uuid FROM customer_address")["uuid"]

    for path in (
        f"{LIST}?keyword=%3Cscript%3E",
        f"{LIST}/edit/{customer.uuid}",
        f"{LIST}/edit/{customer.uuid}/delete",
        f"{LIST}/edit/{customer.uuid}/addresses/{address}",
        "/admin/groups",
    ):
        assert EVIL in " ".join(" ".join(texts) for texts in visitor.get(path).texts.values())


def test_a_link_cannot_choose_the_text_of_a_notice(visitor: Visitor) -> None:
    assert "The customer has been deleted." in visitor.get(f"{LIST}?done=deleted").texts["p"]
    assert visitor.get(f"{LIST}?done=Call+this+number").all("p", **{"class": "notice"}) == []
