"""What is typed or pasted into the fields of the pages, and how the pages show texts that others have written."""

import unicodedata
from collections.abc import Callable

import pytest
from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.builders import address_of
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to

NEW, GROUPS = "/admin/customers/new", "/admin/groups"
TYPED = {"full_name": "New Person", "email": "new@example.com", "password": "staple correct horse"}
INTERNATIONAL, STORED = "ann@b\u00fccher.example", "ann@xn--bcher-kva.example"
TURNED = "Ann \u202egpj.exe"  # U+202E turns the direction of what follows
ZURICH, CAFE = "Z\u00fcrich", "caf\u00e9 caf\u00e9 caf\u00e9"


def decomposed(text: str) -> str:
    """Return a text as macOS types it."""
    return unicodedata.normalize("NFD", text)


def test_no_field_cuts_off_what_is_pasted_and_a_password_manager_may_fill_in_passwords(
    app: Flask, visitor: Visitor, edit: str, address: str
) -> None:
    """A maxlength once made an e-mail one of another domain, and a password its first 72 characters.

    Passwords: ASVS 5.0, 6.2.6 and 6.2.7. That no page has a script is asserted of every page.
    """
    group = f"{GROUPS}/{visitor.client.get(GROUPS).text.partition(f'{GROUPS}/')[2][:36]}"
    paths = ["/admin/customers", NEW, GROUPS, group, edit, f"{edit}/delete", f"{edit}/addresses/new", address]

    pages = {path: visitor.get(path) for path in paths} | {"/admin/login": Visitor(app).get("/admin/login")}

    passwords = {path: field for path, page in pages.items() for field in page.all("input", type="password")}
    assert {path: (field["name"], field["autocomplete"]) for path, field in passwords.items()} == {
        "/admin/login": ("password", "current-password"),
        NEW: ("password", "new-password"),
        edit: ("password", "new-password"),
    }
    for path, page in pages.items():
        assert not [found for _, found in page.elements if {"maxlength", "readonly"} & set(found)], path


def test_an_international_domain_is_taken_wherever_an_email_is_typed(
    app: Flask, visitor: Visitor, ctx: Context, db: Db
) -> None:
    edit = leads_to(visitor.send(NEW, **{**TYPED, "email": INTERNATIONAL})).partition("?")[0]
    created = db.one("SELECT email FROM customer")["email"]
    leads_to(visitor.send(edit, email="other@example.com"))
    leads_to(visitor.send(edit, email=INTERNATIONAL))
    changed = db.one("SELECT email FROM customer")["email"]
    leads_to(visitor.send(f"{edit}/delete", email=INTERNATIONAL))
    admins.create_admin(ctx, email=STORED, password=PASSWORD, full_name="Ann")

    assert (created, changed) == (STORED, STORED)
    assert db.all("SELECT FROM customer") == []
    assert leads_to(Visitor(app).sign_in(INTERNATIONAL)) == "/admin/customers"


def test_the_unicode_forms_of_a_text_are_one_text(app: Flask, visitor: Visitor, ctx: Context, db: Db) -> None:
    typed = {"full_name": decomposed(ZURICH), "email": "new@example.com", "password": decomposed(CAFE)}
    leads_to(visitor.send(NEW, **typed))
    leads_to(visitor.send(GROUPS, group_name=ZURICH))
    admins.create_admin(ctx, email="b@example.com", password=CAFE, full_name="B")

    found = visitor.get(f"/admin/customers?keyword={decomposed(ZURICH)}")
    twice = visitor.send(GROUPS, group_name=decomposed(ZURICH))

    assert db.one("SELECT full_name FROM customer") == {"full_name": ZURICH}
    assert ZURICH in found.texts["a"]
    assert twice.status_code == 409
    assert log_in(new_client(app), "new@example.com", CAFE)
    assert leads_to(Visitor(app).sign_in("b@example.com", decomposed(CAFE))) == "/admin/customers"


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
