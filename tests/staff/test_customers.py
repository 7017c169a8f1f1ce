"""One customer on pages."""

import itertools
import unicodedata
from collections.abc import Callable
from functools import partial

from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from tests.conftest import ADDRESS, Account, log_in, new_client
from tests.support.builders import address_of, group_of
from tests.support.database import Db
from tests.support.html import Visitor, leads_to, rejected

NEW, GROUPS = "/admin/customers/new", "/admin/groups"
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

    leads_to(visitor.submit(page, "", NEW, **typed))
    rejected(visitor.submit(page, "", NEW, **typed), 409, "email")

    assert db.one("SELECT count(*) FROM customer") == {"count": 1}
    assert stored(db) == ("new@example.com", "New Person", 1, group)
    assert log_in(new_client(app), "new@example.com", PASSWORD)


def test_a_rejected_field_says_why_and_what_was_typed_is_kept(
    visitor: Visitor, edit: str, address: str, admin: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    make_customer("taken@example.com")
    group = f"{GROUPS}/{group_of(admin, 'Friends')['uuid']}"
    tables = ("customer", "customer_address", "customer_group")
    before = [db.all(f"SELECT * FROM {table} ORDER BY 1") for table in tables]
    typed_address = {**ADDRESS, "telephone": "555-0100"}

    for forms, typed, wrong in (
        ({NEW: "", edit: edit}, TYPED, [
            ("full_name", " ", 400), ("full_name", "a\0b", 400), ("group_id", "999999", 400), ("group_id", "x", 400),
            ("email", "", 400), ("email", LONG_EMAIL, 400), ("email", "TAKEN@example.com", 409),
            ("password", "short", 400), ("password", "password123", 400), ("password", PASTED, 400)]),
        ({f"{edit}/addresses/new": "", address: ""}, typed_address, [
            ("full_name", "", 400), ("country", "USA", 400), ("postcode", " ", 400), ("city", "x" * 256, 400)]),
        ({GROUPS: "", group: group}, {}, [("group_name", " ", 400), ("group_name", "DEFAULT", 409)]),
    ):  # fmt: skip
        for (path, form), (field, value, status) in itertools.product(forms.items(), wrong):
            page = rejected(visitor.send(path, **{**typed, field: value}), status, field)
            kept = {**typed, field: value, "password": ""}
            for name in kept.keys() - ({"group_id"} if field == "group_id" else set()):  # which is none of the choices
                assert page.forms[form].get(name, "") == kept[name]
            assert page.texts["title"][0].startswith("Error: ")
    rejected(visitor.send(NEW, **TYPED, status="2"), 400, "status")
    assert visitor.send(edit, f"{edit}/status", status="2").status_code == 400
    assert [db.all(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before


def test_an_edit_changes_the_fields_that_differ(
    app: Flask, visitor: Visitor, customer: Account, admin: Account, edit: str, db: Db
) -> None:
    """An existing shop's row may hold what no form would take today."""
    db.execute("UPDATE customer SET email = 'no address', group_id = NULL")
    assert leads_to(visitor.send(edit)) == f"{edit}?done=same"
    assert leads_to(visitor.send(edit, full_name="Other")) == f"{edit}?done=saved"
    assert stored(db) == ("no address", "Other", 1, None)
    assert customer.client.get("/api/customers/me").status_code == 200

    group = group_of(admin)["customer_group_id"]
    typed = {"full_name": " Other Name ", "email": "other@example.com", "password": PASSWORD, "group_id": str(group)}
    leads_to(visitor.send(edit, **typed))
    assert stored(db) == ("other@example.com", "Other Name", 1, group)
    assert customer.client.get("/api/customers/me").status_code == 401
    assert log_in(new_client(app), "other@example.com", PASSWORD)


def test_domains_and_texts_are_taken_in_any_unicode_form(app: Flask, visitor: Visitor, ctx: Context, db: Db) -> None:
    typed = {"full_name": decomposed(ZURICH), "email": INTERNATIONAL, "password": decomposed(CAFE)}
    edit = leads_to(visitor.send(NEW, **typed)).partition("?")[0]
    assert stored(db)[:2] == (STORED, ZURICH)
    assert log_in(new_client(app), STORED, CAFE)
    assert ZURICH in visitor.get(f"/admin/customers?keyword={decomposed(ZURICH)}").texts["a"]
    leads_to(visitor.send(f"{edit}/delete", email=INTERNATIONAL))

    leads_to(visitor.send("/admin/groups", group_name=ZURICH))
    rejected(visitor.send("/admin/groups", group_name=decomposed(ZURICH)), 409, "group_name")
    admins.create_admin(ctx, email=STORED, password=CAFE, full_name="Ann")
    assert leads_to(Visitor(app).sign_in(INTERNATIONAL, decomposed(CAFE))) == "/admin/customers"


def test_an_edit_overtaken_by_another_shows_both_versions(
    visitor: Visitor, customer: Account, edit: str, address: str, db: Db
) -> None:
    for path, form, field, table in (
        (edit, edit, "full_name", "customer"), (address, "", "city", "customer_address")
    ):  # fmt: skip
        page = visitor.get(path)
        for theirs in ("Second", "Third"):
            db.execute(f"UPDATE {table} SET {field} = %s", theirs)
            # A rejected one keeps the version that it was made on.
            page = rejected(visitor.submit(page, form, path, **{field: "x" * 256}), 400, field)
            page = rejected(visitor.submit(page, form, path, **{field: "Mine"}), 412)
            assert theirs in page.texts["td"]
            assert page.texts["strong"] == ["Mine"]
            assert db.one(f"SELECT {field} FROM {table}") == {field: theirs}
        assert leads_to(visitor.submit(page, form, path))
        assert db.one(f"SELECT {field} FROM {table}") == {field: "Mine"}

    page = visitor.get(edit)
    address_of(customer)
    assert "something else of the customer" in visitor.submit(page, edit, password=PASSWORD).text


def test_an_account_can_be_disabled_and_enabled(visitor: Visitor, customer: Account, edit: str, db: Db) -> None:
    for status in (0, 1):
        visitor.follow(visitor.send(edit, f"{edit}/status"))
        assert stored(db)[2] == status
        assert customer.client.get("/api/customers/me").status_code == 401


def test_a_customer_is_deleted_only_after_its_email_was_typed(visitor: Visitor, customer: Account, edit: str) -> None:
    page = rejected(visitor.send(f"{edit}/delete", email="other@example.com"), 400, "email")
    assert page.forms[""]["email"] == "other@example.com"
    assert customer.client.get(customer.path).status_code == 200

    leads_to(visitor.send(f"{edit}/delete", email=f" {customer.email.upper()} "))
    assert visitor.client.get(edit).status_code == 404
