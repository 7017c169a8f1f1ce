"""The list of customers as a page, and how pages show what others have written."""

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
    return [int(text.removeprefix("Customer ")) for text in page.texts["a"] if text.startswith("Customer ")]


def href(page: Page, text: str) -> str:
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


def test_filters_and_sorting_are_those_of_the_api_and_stay_as_typed_from_page_to_page(visitor: Visitor, db: Db) -> None:
    fill(db, 60)

    page = visitor.get(f"{LIST}?keyword=c0&status=1&group_id=&created_from=&created_to=&sort=-created_at&limit=20")

    assert "1\u201320 of 30 customers found" in page.texts["p"]
    assert href(page, "Next") == f"{LIST}?keyword=c0&status=1&sort=-created_at&limit=20&page=2"
    assert shown(visitor.get(href(page, "Next")))[0] == 19
    for query, found in (
        ("keyword=c00&status=1", [1, 3, 5, 7, 9]), ("created_from=2026-02-28", [58, 59, 60]),
        ("created_to=2026-01-03", [1]), ("group_id=1&status=0&sort=-email", list(range(60, 20, -2))),
    ):  # fmt: skip
        page = visitor.get(f"{LIST}?{query}")
        assert shown(page) == found
        assert page.all("details", open="")
        assert dict(pair.split("=") for pair in query.split("&")).items() <= page.forms[LIST].items()


def test_a_heading_sorts_by_its_column_and_again_the_other_way(visitor: Visitor, db: Db) -> None:
    fill(db, 3)

    for sort, opposite, direction, found in (
        ("full_name", "-full_name", "ascending", [1, 2, 3]),
        ("-full_name", "full_name", "descending", [3, 2, 1]),
    ):
        page = visitor.get(f"{LIST}?sort={sort}&page=1")
        assert (shown(page), len(page.all("th", **{"aria-sort": direction}))) == (found, 1)
        sorts = {each["href"] for each in page.all("a", **{"class": "sort"})}
        assert {f"{LIST}?sort={opposite}", f"{LIST}?sort=email"} <= sorts


def test_a_rejected_parameter_is_told_and_an_empty_list_leads_back(visitor: Visitor, customer: Account) -> None:
    """And a link cannot choose the text of a notice."""
    assert "The customer has been deleted." in visitor.get(f"{LIST}?done=deleted").texts["p"]
    for untold in (visitor.get(f"{LIST}?done=Call+this+number"), visitor.get(f"{LIST}?done=deleted&page=0", 400)):
        assert untold.all("p", **{"class": "notice"}) == []
    for query, fields in (
        ("created_from=soon", ["created_from"]), ("status=2", ["status"]), ("group_id=x", ["group_id"]),
        ("sort=shoe", ["sort"]), ("keyword=%00", []), (f"group_id={'9' * 30}", ["group_id"]),
        ("page=0", []), (f"page={'9' * 30}", []), ("nonsense=1", []),
    ):  # fmt: skip
        page = rejected(visitor.client.get(f"{LIST}?{query}"), 400, *fields)
        assert not page.all("a", **{"class": "row-link"})
        assert page.all("div", role="alert")
    assert href(visitor.get(f"{LIST}?page=9"), "To the last page") == f"{LIST}?page=1"
    for nobody in ("keyword=zebra", "email=nobody@example.com"):
        page = visitor.get(f"{LIST}?{nobody}")
        assert not page.all("a", **{"class": "row-link"})
        assert "No customers yet" not in " ".join(page.texts["p"] + page.texts["h2"])


def test_names_are_escaped(visitor: Visitor, customer: Account, edit: str, db: Db) -> None:
    """And one that turns the direction of text turns only itself."""
    db.execute("UPDATE customer SET full_name = %s", EVIL)
    db.execute("UPDATE customer_group SET group_name = %s", EVIL)
    address = address_of(customer, **dict.fromkeys(("full_name", "address_1", "province", "postcode"), EVIL))
    customer.client.environ_base["HTTP_USER_AGENT"] = EVIL
    log_in(customer.client, customer.email)
    paths = {edit: 2, f"{edit}/delete": 2, f"{edit}/addresses/{address[-36:]}": 1}

    for path in (f"{LIST}?keyword=%3Cscript%3E", *paths, "/admin/groups"):
        assert EVIL in " ".join(" ".join(texts) for texts in visitor.get(path).texts.values())
    turned = "Ann \u202egpj.exe"  # U+202E turns the direction of what follows
    db.execute("UPDATE customer SET full_name = %s", turned)
    db.execute("UPDATE customer_address SET full_name = %s", turned)
    assert {path: visitor.client.get(path).text.count(f"<bdi>{turned}</bdi>") for path in paths} == paths


def test_a_time_is_shown_with_four_digits_of_its_year_or_as_a_dash(visitor: Visitor, edit: str, db: Db) -> None:
    for stored, shown in (("0987-06-05 04:03:02Z", "0987-06-05 04:03"), ("infinity", "\u2014")):
        db.execute("UPDATE customer SET created_at = %s", stored)
        for path in (edit, LIST):
            assert shown in visitor.client.get(path).text
