"""One customer on pages, with addresses, sessions, mails and history; groups."""

import itertools
import re
from typing import get_args

from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from customers.security.trail import Event
from tests.conftest import ADDRESS, PASSWORD, Account, MakeApp, MakeCustomer, log_in, new_client
from tests.support.answers import data_of
from tests.support.builders import NEW_PASSWORD, address_of, browser_of, group_of
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to, rejected

NEW, GROUPS = "/admin/customers/new", "/admin/groups"
TYPED = {"full_name": "New Person", "email": "new@example.com", "password": NEW_PASSWORD}
PASTED = "correct horse battery staple " * 3  # 87 bytes; bcrypt reads 72
# Its first 254 characters are an e-mail of another domain.
LONG_EMAIL = f"ann@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com"


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
    assert log_in(new_client(app), "new@example.com", NEW_PASSWORD)


def test_a_rejected_field_says_why_and_what_was_typed_is_kept(
    visitor: Visitor, edit: str, address: str, admin: Account, make_customer: MakeCustomer, db: Db
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
            again = ["password"] if path == edit else []  # to be typed again
            page = rejected(visitor.send(path, **{**typed, field: value}), status, field, *again)
            kept = {**typed, field: value, "password": ""}
            for name in kept.keys() - ({"group_id"} if field == "group_id" else set()):  # which is none of the choices
                assert page.forms[form].get(name, "") == kept[name]
            assert page.texts["title"][0].startswith("Error: ")
    rejected(visitor.send(NEW, **TYPED, status="2"), 400, "status")
    assert visitor.send(edit, f"{edit}/status", status="2").status_code == 400
    assert [db.all(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before


def test_an_edit_changes_the_fields_that_differ(
    app: Flask, visitor: Visitor, customer: Account, admin: Account, edit: str, address: str, db: Db
) -> None:
    """An existing shop's row may hold what no form would take today. Browsers take line breaks out of fields."""
    friends = f"{GROUPS}/{group_of(admin, 'Friends')['uuid']}"
    forms = {edit: "customer.full_name", address: "customer_address.city", friends: "customer_group.group_name"}
    for path, column in forms.items():
        table, _, name = column.partition(".")
        last = f"{table}_id = (SELECT max({table}_id) FROM {table})"
        db.execute(f"UPDATE {table} SET {name} = E'Two\\n\\rlines' WHERE {last}")
        assert leads_to(visitor.send(path, **{name: "Twolines"})).endswith("?done=same")
        assert db.one(f"SELECT {name} FROM {table} WHERE {last}") == {name: "Two\n\rlines"}

    db.execute("UPDATE customer SET email = 'no address', full_name = 'Name', group_id = NULL")
    assert leads_to(visitor.send(edit)) == f"{edit}?done=same"
    assert leads_to(visitor.send(edit, full_name="Other")) == f"{edit}?done=saved"
    assert stored(db) == ("no address", "Other", 1, None)
    assert customer.client.get("/api/customers/me").status_code == 200

    group = group_of(admin)["customer_group_id"]
    typed = {"full_name": " Other Name ", "email": "other@example.com", "password": NEW_PASSWORD}
    leads_to(visitor.send(edit, **typed, group_id=str(group)))
    assert stored(db) == ("other@example.com", "Other Name", 1, group)
    assert customer.client.get("/api/customers/me").status_code == 401
    assert log_in(new_client(app), "other@example.com", NEW_PASSWORD)


def test_an_overtaken_edit_shows_both(visitor: Visitor, customer: Account, edit: str, address: str, db: Db) -> None:
    for path, form, field, table in (edit, edit, "full_name", "customer"), (address, "", "city", "customer_address"):
        page = visitor.get(path)
        for theirs in ("Second", "Third"):
            db.execute(f"UPDATE {table} SET {field} = %s", theirs)
            # A rejected one keeps the version that it was made on.
            page = rejected(visitor.submit(page, form, path, **{field: "x" * 256}), 400, field)
            page = rejected(visitor.submit(page, form, path, **{field: "Mine"}), 412)
            assert theirs in page.texts["td"]
            assert page.texts["strong"] == ["Mine"]
            assert db.one(f"SELECT {field} FROM {table}") == {field: theirs}
        if path == address:
            db.execute("UPDATE customer_address SET is_default = true")
            page = rejected(visitor.submit(page, form, path), 412)
            assert ("Default address" in page.texts["th"], page.texts["strong"]) == (True, ["Mine", "no"])
        rejected(visitor.submit(page, form, path, version="\0"), 412)
        assert leads_to(visitor.submit(page, form, path))
        assert db.one(f"SELECT {field} FROM {table}") == {field: "Mine"}

    page = visitor.get(edit)
    address_of(customer)
    page = rejected(visitor.submit(page, edit, password=NEW_PASSWORD), 412, "password")
    assert any("something else of the customer" in text for text in page.texts["p"])


def test_an_account_can_be_disabled_and_enabled(visitor: Visitor, customer: Account, edit: str, db: Db) -> None:
    for status in (0, 1):
        visitor.follow(visitor.send(edit, f"{edit}/status"))
        assert stored(db)[2] == status
        assert customer.client.get("/api/customers/me").status_code == 401


def test_a_customer_is_deleted_only_after_its_email_was_typed_in_any_form(visitor: Visitor, edit: str, db: Db) -> None:
    db.execute("UPDATE customer SET email = E'ann@xn--bcher-kva.example\\n'")
    for typed in ("other@example.com", "no e-mail"):
        page = rejected(visitor.send(f"{edit}/delete", email=typed), 400, "email")
        assert page.forms[""]["email"] == typed
    assert stored(db)[0] == "ann@xn--bcher-kva.example\n"

    leads_to(visitor.send(f"{edit}/delete", email=" ANN@b\u00fccher.example "))
    assert visitor.client.get(edit).status_code == 404


def test_an_address_can_be_added_edited_and_deleted(visitor: Visitor, edit: str, address: str, db: Db) -> None:
    row = "SELECT country, city, telephone, is_default FROM customer_address"
    leads_to(visitor.send(address, city="Springfield", is_default="1"))
    assert db.one(row) == {"country": "US", "city": "Springfield", "telephone": None, "is_default": True}
    assert leads_to(visitor.send(address)).endswith("?done=same")

    leads_to(visitor.send(address, f"{address}/delete"))
    added = visitor.follow(visitor.send(f"{edit}/addresses/new", **ADDRESS, is_default="1"))
    assert "Default" in added.texts["span"]
    assert db.one(row) == {"country": "US", "city": "", "telephone": "", "is_default": True}


def test_sessions_end_and_mail_is_sent(make_app: MakeApp, customer: Account, admin: Account, edit: str, db: Db) -> None:
    visitor = Visitor(make_app(smtp_url="smtp://127.0.0.1:1", mail_sender=False))
    visitor.sign_in(admin.email)
    for _ in range(2):
        log_in(new_client(visitor.client.application), customer.email)
    page = visitor.get(edit)
    first, *others = (action for action in page.forms if re.search("/sessions/[0-9a-f-]{36}/end$", action))

    after = visitor.follow(visitor.submit(page, first))
    assert [end in after.forms for end in (first, *others)] == [False, True, True]
    assert visitor.submit(page, first).status_code == 404
    assert not set(others) & visitor.follow(visitor.submit(after, f"{edit}/sessions/end")).forms.keys()
    db.execute("UPDATE customer SET status = 0")  # who waits to be confirmed gets a mail, too
    leads_to(visitor.send(edit, f"{edit}/password-mail"))
    assert db.one("SELECT kind FROM outbox_mail WHERE recipient = %s", customer.email) == {"kind": "reset_password"}


def test_what_cannot_be_done_has_no_form_and_is_refused_with_the_reason(visitor: Visitor, edit: str, db: Db) -> None:
    group = f"{GROUPS}/{db.one('SELECT uuid FROM customer_group')['uuid']}"
    for path, act, status, reason in (
        (edit, "password-mail", 503, "Mail cannot be sent at present."),
        (group, "delete", 409, "The default group cannot be deleted."),
    ):
        page = visitor.get(path)
        assert f"{path}/{act}" not in page.forms
        assert reason in rejected(visitor.submit(page, path, f"{path}/{act}"), status).texts["p"]


def test_groups_can_be_created_renamed_and_deleted(visitor: Visitor, edit: str, db: Db) -> None:
    leads_to(visitor.send(GROUPS, group_name="Friends"))
    row = db.one("SELECT customer_group_id, uuid FROM customer_group WHERE group_name = 'Friends'")
    group = f"{GROUPS}/{row['uuid']}"
    leads_to(visitor.send(edit, group_id=str(row["customer_group_id"])))

    assert "Best friends" in visitor.follow(visitor.send(group, group_name="Best friends")).texts["a"]
    assert "1 customer" in visitor.get(group).texts["a"]
    assert "Best friends" not in visitor.follow(visitor.send(group, f"{group}/delete")).texts["a"]
    assert db.one("SELECT group_id FROM customer")["group_id"] == 1


def events(page: Page) -> list[str]:
    known = {event.replace("_", " ").capitalize() for event in get_args(Event)}
    return [text for text in page.texts["span"] if text.split(":")[0] in known]


def test_the_last_20_events_are_shown(app: Flask, ctx: Context, visitor: Visitor, customer: Account, edit: str) -> None:
    other = admins.create_admin(ctx, email="b@example.com", password=PASSWORD, full_name="B")
    leads_to(visitor.send(edit, f"{edit}/status"))
    new_client(app).post("/customer/login", json={"email": customer.email, "password": "not the password"})
    leads_to(visitor.send(edit, f"{edit}/status"))
    visitor.sign_in(other.email)
    leads_to(visitor.send(edit, full_name="Other"))
    visitor.sign_in()

    page = visitor.get(edit)

    assert events(page) == [
        *("Customer updated", "Status changed: from 0 to 1", "Login failed", "Status changed: from 1 to 0"),
        *("Login succeeded", "Customer registered"),
    ]
    by = [text.split(" · ")[0] for text in page.texts["span"] if text.endswith("· 127.0.0.1 ·")]
    assert by == [f"admin {str(other.uuid)[:8]}", "you", "anonymous", "you", "customer", "anonymous"]
    again = browser_of(app, customer)
    for number in range(20):
        data_of(again.patch(customer.path, json={"full_name": f"Name {number}"}))
    assert events(visitor.get(edit)) == ["Customer updated"] * 20
