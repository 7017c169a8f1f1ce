"""One customer on pages."""

import unicodedata
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from tests.conftest import Account, log_in, new_client
from tests.support.builders import address_of, group_of
from tests.support.database import Db
from tests.support.html import Visitor, leads_to, rejected

NEW = "/admin/customers/new"
PASSWORD = "staple correct horse"
TYPED = {"full_name": "New Person", "email": "new@example.com", "password": PASSWORD}
PASTED = "correct horse battery staple " * 3  # 87 bytes; bcrypt reads 72
# Its first 254 characters are an e-mail of another domain.
LONG_EMAIL = f"ann@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com"
INTERNATIONAL, STORED = "ann@b\u00fccher.example", "ann@xn--bcher-kva.example"
ZURICH, CAFE = "Z\u00fcrich", "caf\u00e9 caf\u00e9 caf\u00e9"
decomposed = partial(unicodedata.normalize, "NFD")  # as macOS types it


def stored(db: Db) -> tuple[str, str, int, int | None]:
    row = db.one("SELECT email, full_name, status, group_id FROM customer ORDER BY customer_id DESC LIMIT 1")
    return row["email"], row["full_name"], row["status"], row["group_id"]


def test_a_new_customer_can_be_created_once_and_sign_in(app: Flask, visitor: Visitor, admin: Account, db: Db) -> None:
    group = group_of(admin)["customer_group_id"]
    page = visitor.get(NEW)
    typed = {**TYPED, "group_id": str(group), "status": "1"}

    created = visitor.follow(visitor.submit(page, "", NEW, **typed))
    rejected(visitor.submit(page, "", NEW, **typed), 409, "email")

    assert "The customer has been created." in created.texts["p"]
    assert db.one("SELECT count(*) AS n FROM customer")["n"] == 1
    assert stored(db) == ("new@example.com", "New Person", 1, group)
    assert log_in(new_client(app), "new@example.com", PASSWORD)


@pytest.mark.parametrize(("field", "value", "status"), [
    ("full_name", " ", 400), ("full_name", "a\0b", 400), ("group_id", "999999", 400), ("group_id", "x", 400),
    ("email", "", 400), ("email", "no address", 400), ("email", LONG_EMAIL, 400), ("email", "TAKEN@example.com", 409),
    ("password", "short", 400), ("password", "password123", 400), ("password", PASTED, 400),
])  # fmt: skip
def test_a_rejected_field_says_why_and_the_others_are_kept(
    visitor: Visitor, edit: str, make_customer: Callable[..., Account], db: Db, field: str, value: str, status: int
) -> None:
    make_customer("taken@example.com")
    before = db.all("SELECT * FROM customer ORDER BY customer_id")

    for path, form in ((NEW, ""), (edit, edit)):
        page = rejected(visitor.send(path, **{**TYPED, field: value}), status, field)
        kept = {**TYPED, field: value, "password": ""}
        kept.pop("group_id", None)  # none of the choices
        assert kept.items() <= page.forms[form].items()
        assert page.texts["title"][0].startswith("Error: ")
    assert db.all("SELECT * FROM customer ORDER BY customer_id") == before


def test_an_unknown_status_is_rejected(visitor: Visitor, edit: str) -> None:
    rejected(visitor.send(NEW, **TYPED, status="2"), 400, "status")
    answer = visitor.send(edit, f"{edit}/status", status="2")

    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_an_edit_changes_what_was_typed_and_a_new_password_ends_all_sessions(
    app: Flask, visitor: Visitor, customer: Account, admin: Account, edit: str, db: Db
) -> None:
    group = group_of(admin)["customer_group_id"]
    typed = {"full_name": " Other Name ", "email": "other@example.com", "password": PASSWORD, "group_id": str(group)}
    page = visitor.follow(visitor.send(edit, **typed))

    assert "Your changes have been saved." in page.texts["p"]
    assert stored(db) == ("other@example.com", "Other Name", 1, group)
    assert customer.client.get("/api/customers/me").status_code == 401
    assert log_in(new_client(app), "other@example.com", PASSWORD)


def test_an_edit_changes_only_the_fields_that_differ(visitor: Visitor, edit: str, db: Db) -> None:
    """An existing shop's row may hold what no form would take today."""
    db.execute("UPDATE customer SET email = 'no address', group_id = NULL")

    assert leads_to(visitor.send(edit)) == f"{edit}?done=same"
    assert leads_to(visitor.send(edit, full_name="Other")) == f"{edit}?done=saved"

    assert stored(db) == ("no address", "Other", 1, None)


def test_international_domains_and_both_unicode_forms_are_taken_wherever_they_are_typed(
    app: Flask, visitor: Visitor, ctx: Context, db: Db
) -> None:
    """One may be typed as another: a domain in its own script or in ASCII, a letter as one sign or as two."""
    typed = {"full_name": decomposed(ZURICH), "email": INTERNATIONAL, "password": decomposed(CAFE)}
    edit = leads_to(visitor.send(NEW, **typed)).partition("?")[0]
    assert db.one("SELECT email, full_name FROM customer") == {"email": STORED, "full_name": ZURICH}
    assert log_in(new_client(app), STORED, CAFE)
    assert ZURICH in visitor.get(f"/admin/customers?keyword={decomposed(ZURICH)}").texts["a"]

    leads_to(visitor.send(edit, email="other@example.com"))
    leads_to(visitor.send(edit, email=INTERNATIONAL))
    assert db.one("SELECT email FROM customer") == {"email": STORED}
    leads_to(visitor.send(f"{edit}/delete", email=INTERNATIONAL))

    leads_to(visitor.send("/admin/groups", group_name=ZURICH))
    rejected(visitor.send("/admin/groups", group_name=decomposed(ZURICH)), 409, "group_name")

    admins.create_admin(ctx, email=STORED, password=CAFE, full_name="Ann")
    assert leads_to(Visitor(app).sign_in(INTERNATIONAL, decomposed(CAFE))) == "/admin/customers"


def test_an_edit_of_a_customer_changed_meanwhile_shows_both_versions_and_can_be_sent_again(
    visitor: Visitor, edit: str, db: Db
) -> None:
    page = visitor.get(edit)

    for theirs in ("Second", "Third"):
        db.execute("UPDATE customer SET full_name = %s", theirs)
        page = rejected(visitor.submit(page, edit, full_name="My Name"), 412)
        assert stored(db)[1] == theirs
        assert "This customer has been changed meanwhile" in page.texts["h2"]
        assert theirs in page.texts["td"]
        assert page.texts["strong"] == ["My Name"]

    assert leads_to(visitor.submit(page, edit)) == f"{edit}?done=saved"
    assert stored(db)[1] == "My Name"


def test_a_change_of_an_address_meanwhile_is_noticed_too(visitor: Visitor, customer: Account, edit: str) -> None:
    page = visitor.get(edit)
    address_of(customer)

    lost = visitor.submit(page, edit, password=PASSWORD)

    assert lost.status_code == 412
    assert "something else of the customer has been changed" in lost.text


def test_a_rejected_edit_keeps_the_version_it_was_made_on(visitor: Visitor, edit: str, db: Db) -> None:
    page = visitor.get(edit)
    db.execute("UPDATE customer SET full_name = 'Second'")

    again = rejected(visitor.submit(page, edit, full_name="My Name", email="x"), 400, "email")

    rejected(visitor.submit(again, edit, email="x@example.com"), 412)


def test_an_account_can_be_disabled_and_enabled(visitor: Visitor, customer: Account, edit: str, db: Db) -> None:
    for said, status in (
        ("The account has been disabled, and its sessions have ended.", 0),
        ("The account has been enabled.", 1),
    ):
        page = visitor.follow(visitor.send(edit, f"{edit}/status"))
        assert said in page.texts["p"]
        assert stored(db)[2] == status
        assert customer.client.get("/api/customers/me").status_code == 401


def test_a_customer_is_deleted_only_after_its_email_was_typed(visitor: Visitor, customer: Account, edit: str) -> None:
    page = rejected(visitor.send(f"{edit}/delete", email="other@example.com"), 400, "email")
    assert page.forms[""]["email"] == "other@example.com"
    assert customer.client.get(customer.path).status_code == 200

    gone = visitor.follow(visitor.send(f"{edit}/delete", email=f" {customer.email.upper()} "))

    assert "The customer has been deleted." in gone.texts["p"]
    assert visitor.client.get(edit).status_code == 404
