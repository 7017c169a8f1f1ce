"""What is typed or pasted into the fields of the pages, and how the pages show texts that others have written."""

import unicodedata
from collections.abc import Callable

import pytest
from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from tests.conftest import Account, log_in, new_client
from tests.support.builders import address_of
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to, rejected

NEW, GROUPS = "/admin/customers/new", "/admin/groups"
INTERNATIONAL, STORED = "ann@b\u00fccher.example", "ann@xn--bcher-kva.example"
TURNED = "Ann \u202egpj.exe"  # U+202E turns the direction of what follows
ZURICH, CAFE = "Z\u00fcrich", "caf\u00e9 caf\u00e9 caf\u00e9"


def decomposed(text: str) -> str:
    """Return a text as macOS types it."""
    return unicodedata.normalize("NFD", text)


def test_a_password_is_masked_and_may_be_filled_in_by_a_password_manager(
    app: Flask, visitor: Visitor, edit: str
) -> None:
    """ASVS 5.0, 6.2.6 and 6.2.7. That no page has a script and no field cuts texts off is asserted of every page."""
    for reader, path, completion in (
        (Visitor(app), "/admin/login", "current-password"),
        (visitor, NEW, "new-password"),
        (visitor, edit, "new-password"),
    ):
        (field,) = reader.get(path).all("input", name="password")
        assert (field["type"], field["autocomplete"]) == ("password", completion)


def test_international_domains_and_both_unicode_forms_are_taken_wherever_they_are_typed(
    app: Flask, visitor: Visitor, ctx: Context, db: Db
) -> None:
    typed = {"full_name": decomposed(ZURICH), "email": INTERNATIONAL, "password": decomposed(CAFE)}
    edit = leads_to(visitor.send(NEW, **typed)).partition("?")[0]
    assert db.one("SELECT email, full_name FROM customer") == {"email": STORED, "full_name": ZURICH}
    assert log_in(new_client(app), STORED, CAFE)
    assert ZURICH in visitor.get(f"/admin/customers?keyword={decomposed(ZURICH)}").texts["a"]

    leads_to(visitor.send(edit, email="other@example.com"))
    leads_to(visitor.send(edit, email=INTERNATIONAL))
    assert db.one("SELECT email FROM customer") == {"email": STORED}
    leads_to(visitor.send(f"{edit}/delete", email=INTERNATIONAL))

    leads_to(visitor.send(GROUPS, group_name=ZURICH))
    rejected(visitor.send(GROUPS, group_name=decomposed(ZURICH)), 409, "group_name")

    admins.create_admin(ctx, email=STORED, password=CAFE, full_name="Ann")
    assert leads_to(Visitor(app).sign_in(INTERNATIONAL, decomposed(CAFE))) == "/admin/customers"


def test_a_name_that_turns_the_direction_of_text_turns_only_itself(
    visitor: Visitor, customer: Account, edit: str
) -> None:
    customer.client.patch(customer.path, json={"full_name": TURNED})
    address = address_of(customer, full_name=TURNED).rpartition("/")[2]
    paths = {edit: 2, f"{edit}/delete": 2, f"{edit}/addresses/{address}": 1}

    assert {path: visitor.client.get(path).text.count(f"<bdi>{TURNED}</bdi>") for path in paths} == paths


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("0987-06-05 04:03:02Z", "05 Jun 0987, 04:03"), ("infinity", "\u2014"), ("-infinity", "\u2014")],
)
def test_a_time_is_shown_with_four_digits_of_its_year_or_as_a_dash(
    visitor: Visitor, edit: str, db: Db, stored: str, shown: str
) -> None:
    db.execute("UPDATE customer SET created_at = %s", stored)

    for path in (edit, "/admin/customers"):
        assert shown in visitor.client.get(path).text


def test_the_page_of_a_customer_shows_no_more_sessions_than_an_account_may_have(
    make_app: Callable[..., Flask], admin: Account, edit: str, db: Db
) -> None:
    visitor = Visitor(make_app(max_sessions=10))
    visitor.sign_in(admin.email)
    db.execute(
        "INSERT INTO login_session (digest, customer_id, user_agent, expires_at) SELECT sha256(n::text::bytea),"
        " customer_id, repeat('x', 255), now() + interval '1 day' FROM customer, generate_series(1, 5000) AS n"
    )

    page = visitor.client.get(edit)

    assert len(Page(page.text).ends) == 10
    assert len(page.data) < 50_000
