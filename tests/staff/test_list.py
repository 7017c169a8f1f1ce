"""The list of customers as a page, and how pages show what others have written."""

import pytest

from tests.conftest import Account, log_in
from tests.support.builders import address_of
from tests.support.database import Db
from tests.support.html import Page, Visitor, rejected

LIST = "/admin/customers"
EVIL = "<script>alert('x')</script>\"><b>"


def fill(db: Db, count: int) -> None:
    db.execute(
        "INSERT INTO customer (email, password, full_name, status, created_at) "
        "SELECT format('c%%s@example.com', lpad(n::text, 3, '0')), '-', format('Customer %%s', n), n %% 2, "
        "'2026-01-01'::timestamptz + n * interval '1 day' FROM generate_series(1, %s) AS n",
        count,
    )


def shown(page: Page) -> list[int]:
    """Return the numbers in the names of the customers in the table."""
    return [int(text.removeprefix("Customer ")) for text in page.texts["a"] if text.startswith("Customer ")]


def href(page: Page, text: str) -> str:
    """Return where the link of a text leads."""
    return dict(zip(page.texts["a"], [found["href"] for found in page.all("a")], strict=True))[text]


def test_the_list_says_how_many_customers_there_are_and_links_its_pages(visitor: Visitor, db: Db) -> None:
    fill(db, 45)

    first = visitor.get(LIST)
    last = visitor.get(href(first, "Last"))
    others = [visitor.get(href(*link)) for link in ((first, "Next"), (last, "Previous"), (last, "First"))]

    one, two, three = (list(range(start, min(start + 20, 46))) for start in (1, 21, 41))
    assert "1\u201320 of 45 customers" in first.texts["p"]
    assert [shown(page) for page in (first, last, *others)] == [one, three, two, two, one]
    assert last.texts["title"] == ["All customers (page 3 of 3) \u2013 Customers"]


def test_a_search_keeps_what_was_typed_and_its_pages_stay_filtered(visitor: Visitor, db: Db) -> None:
    fill(db, 60)

    page = visitor.get(f"{LIST}?keyword=c0&status=1&group_id=&created_from=&created_to=&sort=-created_at&limit=20")

    assert page.forms[LIST]["keyword"] == "c0"
    assert "1\u201320 of 30 customers found" in page.texts["p"]
    assert href(page, "Next") == f"{LIST}?keyword=c0&status=1&sort=-created_at&limit=20&page=2"
    assert shown(visitor.get(href(page, "Next")))[0] == 19


@pytest.mark.parametrize(("query", "found"), [
    ("status=1", [1, 3]), ("created_from=2026-01-04", [3, 4]), ("created_to=2026-01-03", [1]),
    ("sort=-email&limit=3", [4, 3, 2]), ("group_id=1&status=0&sort=-created_at", [4, 2]),
])  # fmt: skip
def test_filters_and_sorting_are_those_of_the_api(visitor: Visitor, db: Db, query: str, found: list[int]) -> None:
    fill(db, 4)

    page = visitor.get(f"{LIST}?{query}")

    assert shown(page) == found
    assert page.all("details", open="")
    asked = dict(pair.split("=") for pair in query.split("&"))
    asked.pop("limit", None)
    assert asked.items() <= page.forms[LIST].items()


def test_a_heading_sorts_by_its_column_and_again_the_other_way(visitor: Visitor, db: Db) -> None:
    fill(db, 3)

    up = visitor.get(f"{LIST}?sort=full_name&page=1")
    down = visitor.get(f"{LIST}?sort=-full_name")

    assert len(up.all("th", **{"aria-sort": "ascending"})) == len(down.all("th", **{"aria-sort": "descending"})) == 1
    sorts = {found["href"] for found in up.all("a", **{"class": "sort"})}
    assert {f"{LIST}?sort=-full_name", f"{LIST}?sort=email"} <= sorts
    assert (shown(up), shown(down)) == ([1, 2, 3], [3, 2, 1])


@pytest.mark.parametrize(("query", "fields"), [
    ("created_from=soon", ["created_from"]), ("status=2", ["status"]), ("group_id=x", ["group_id"]),
    ("sort=shoe", ["sort"]), ("page=0", []), ("nonsense=1", []),
])  # fmt: skip
def test_a_rejected_parameter_is_told_above_the_list_and_at_its_field_if_it_has_one(
    visitor: Visitor, customer: Account, query: str, fields: list[str]
) -> None:
    page = rejected(visitor.client.get(f"{LIST}?{query}"), 400, *fields)

    assert not page.all("a", **{"class": "row-link"})
    assert page.all("div", role="alert")


def test_an_empty_list_says_why(visitor: Visitor, db: Db) -> None:
    assert "No customers yet" in visitor.get(LIST).texts["h2"]
    fill(db, 3)
    assert "Nobody found" in visitor.get(f"{LIST}?keyword=zebra").texts["h2"]
    beyond = visitor.get(f"{LIST}?page=9")
    assert "There is nothing on this page" in beyond.texts["h2"]
    assert href(beyond, "To the last page") == f"{LIST}?page=1"


def test_names_are_escaped(visitor: Visitor, customer: Account, edit: str, db: Db) -> None:
    db.execute("UPDATE customer SET full_name = %s", EVIL)
    db.execute("UPDATE customer_group SET group_name = %s", EVIL)
    address = address_of(customer, **dict.fromkeys(("full_name", "address_1", "province", "postcode"), EVIL))
    customer.client.environ_base["HTTP_USER_AGENT"] = EVIL
    log_in(customer.client, customer.email)
    paths = [f"{LIST}?keyword=%3Cscript%3E", edit, f"{edit}/delete", f"{edit}/addresses/{address[-36:]}"]

    for path in (*paths, "/admin/groups"):
        assert EVIL in " ".join(" ".join(texts) for texts in visitor.get(path).texts.values())


def test_a_name_that_turns_the_direction_of_text_turns_only_itself(
    visitor: Visitor, customer: Account, edit: str
) -> None:
    turned = "Ann \u202egpj.exe"  # U+202E turns the direction of what follows
    customer.client.patch(customer.path, json={"full_name": turned})
    address = address_of(customer, full_name=turned).rpartition("/")[2]
    paths = {edit: 2, f"{edit}/delete": 2, f"{edit}/addresses/{address}": 1}

    assert {path: visitor.client.get(path).text.count(f"<bdi>{turned}</bdi>") for path in paths} == paths


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("0987-06-05 04:03:02Z", "0987-06-05 04:03"), ("infinity", "\u2014"), ("-infinity", "\u2014")],
)
def test_a_time_is_shown_with_four_digits_of_its_year_or_as_a_dash(
    visitor: Visitor, edit: str, db: Db, stored: str, shown: str
) -> None:
    db.execute("UPDATE customer SET created_at = %s", stored)

    for path in (edit, LIST):
        assert shown in visitor.client.get(path).text


def test_a_link_cannot_choose_the_text_of_a_notice(visitor: Visitor) -> None:
    assert "The customer has been deleted." in visitor.get(f"{LIST}?done=deleted").texts["p"]
    assert visitor.get(f"{LIST}?done=Call+this+number").all("p", **{"class": "notice"}) == []
