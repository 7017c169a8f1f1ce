"""One customer on pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to

NEW = "/admin/customers/new"
TYPED = {"full_name": "New Person", "email": "new@example.com", "password": "staple correct horse"}


@pytest.fixture
def path(customer: Account) -> str:
    return f"/admin/customers/edit/{customer.uuid}"


def stored(db: Db) -> tuple[str, str, int, int]:
    row = db.one("SELECT email, full_name, status, group_id FROM customer ORDER BY customer_id DESC LIMIT 1")
    return row["email"], row["full_name"], row["status"], row["group_id"]


def make_group(db: Db, name: str) -> str:
    return str(db.one("INSERT INTO customer_group (group_name) VALUES (%s) RETURNING customer_group_id", name)[
        "customer_group_id"])  # fmt: skip


@pytest.fixture
def group(db: Db) -> str:
    return make_group(db, "Friends")


def test_a_new_customer_can_be_created_and_sign_in(visitor: Visitor, group: str, db: Db, app: Flask) -> None:
    to = leads_to(visitor.send(NEW, **TYPED, group_id=group, status="1"))

    assert "The customer has been created." in visitor.get(to).texts["p"]
    assert stored(db) == ("new@example.com", "New Person", 1, int(group))
    assert log_in(new_client(app), "new@example.com", "staple correct horse")


def test_a_form_sent_twice_creates_one_customer(visitor: Visitor, db: Db) -> None:
    page = visitor.get(NEW)

    visitor.submit(page, "", NEW, **TYPED)
    again = visitor.submit(page, "", NEW, **TYPED)

    assert again.status_code == 409
    assert db.one("SELECT count(*) AS n FROM customer")["n"] == 1


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("full_name", " ", 400),
        ("email", "", 400),
        ("email", "no address", 400),
        ("email", "customer1@EXAMPLE.com", 409),
        ("password", "short", 400),
        ("password", "password123", 400),
        ("group_id", "999999", 400),
        ("group_id", "x", 400),
        ("status", "2", 400),
        ("full_name", "a\0b", 400),
    ],
)
def test_a_rejected_field_says_why_and_the_others_are_kept(
    visitor: Visitor, customer: Account, db: Db, field: str, value: str, status: int
) -> None:
    typed = {**TYPED, field: value}

    answer = visitor.send(NEW, **typed)

    page = Page(answer.text)
    assert answer.status_code == status
    assert page.fault(field)
    assert page.texts["title"][0].startswith("Error: ")
    if field != "full_name":
        assert page.forms[""]["full_name"] == "New Person"
    assert page.forms[""]["password"] == ""
    assert db.one("SELECT count(*) AS n FROM customer")["n"] == 1


def test_an_edit_changes_what_was_typed(visitor: Visitor, path: str, group: str, db: Db) -> None:
    to = leads_to(visitor.send(path, full_name=" Other Name ", email="other@example.com", group_id=group))

    assert "Your changes have been saved." in visitor.get(to).texts["p"]
    assert stored(db) == ("other@example.com", "Other Name", 1, int(group))


def test_an_edit_changes_only_the_fields_that_differ(visitor: Visitor, path: str, db: Db) -> None:
    """An existing shop's row may hold what no form would take today."""
    db.execute("UPDATE customer SET email = 'no address', group_id = NULL")

    leads_to(visitor.send(path, full_name="Other"))

    assert db.one("SELECT email, group_id, full_name FROM customer") == {
        "email": "no address",
        "group_id": None,
        "full_name": "Other",
    }


def test_an_edit_without_a_difference_says_so(visitor: Visitor, path: str, db: Db) -> None:
    before = db.all("SELECT * FROM customer")

    assert leads_to(visitor.send(path)) == f"{path}?done=same"
    assert db.all("SELECT * FROM customer") == before


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [("email", "x", 400), ("email", "taken@example.com", 409), ("full_name", "", 400), ("password", "short", 400)],
)
def test_a_rejected_edit_keeps_what_was_typed(
    visitor: Visitor, path: str, make_customer: Callable[..., Account], field: str, value: str, status: int
) -> None:
    make_customer("taken@example.com")

    answer = visitor.send(path, **{"full_name": "Typed Name", field: value})

    page = Page(answer.text)
    assert answer.status_code == status
    assert page.fault(field)
    assert page.forms[path][field] == ("" if field == "password" else value)


def test_a_new_password_ends_all_sessions(visitor: Visitor, customer: Account, path: str, app: Flask) -> None:
    leads_to(visitor.send(path, password="staple correct horse"))

    assert customer.client.get("/api/customers/me").status_code == 401
    assert log_in(new_client(app), customer.email, "staple correct horse")


def test_an_edit_of_a_customer_changed_meanwhile_shows_both_versions_and_can_be_sent_again(
    visitor: Visitor, customer: Account, path: str, db: Db
) -> None:
    mine, theirs = visitor.get(path), visitor.get(path)
    leads_to(visitor.submit(theirs, path, full_name="Their Name"))

    lost = visitor.submit(mine, path, full_name="My Name")

    page = Page(lost.text)
    assert lost.status_code == 412
    assert stored(db)[1] == "Their Name"
    assert "This customer has been changed meanwhile" in page.texts["h2"]
    assert "Their Name" in page.texts["td"]
    assert page.texts["strong"] == ["My Name"]
    assert page.forms[path]["full_name"] == "My Name"
    assert leads_to(visitor.submit(page, path)) == f"{path}?done=saved"
    assert stored(db)[1] == "My Name"


def test_a_second_change_meanwhile_is_noticed_too(visitor: Visitor, path: str, db: Db) -> None:
    mine = visitor.get(path)
    db.execute("UPDATE customer SET full_name = 'Second'")
    second = Page(visitor.submit(mine, path, full_name="My Name").text)
    db.execute("UPDATE customer SET full_name = 'Third'")

    third = visitor.submit(second, path)

    assert third.status_code == 412
    assert "Third" in Page(third.text).texts["td"]


def test_a_change_of_an_address_meanwhile_is_noticed_too(visitor: Visitor, customer: Account, path: str) -> None:
    page = visitor.get(path)
    customer.client.post(f"{customer.path}/addresses", json={
        "full_name": "A", "address_1": "B", "province": "C", "country": "us", "postcode": "1"})  # fmt: skip

    lost = visitor.submit(page, path, password="staple correct horse")

    assert lost.status_code == 412
    assert "something else of the customer has been changed" in lost.text


def test_a_rejected_edit_keeps_the_version_it_was_made_on(visitor: Visitor, path: str, db: Db) -> None:
    page = visitor.get(path)
    db.execute("UPDATE customer SET full_name = 'Second'")
    refused = Page(visitor.submit(page, path, full_name="My Name", email="x").text)

    assert visitor.submit(refused, path, email="x@example.com").status_code == 412


def test_an_account_can_be_disabled_and_enabled(visitor: Visitor, customer: Account, path: str, db: Db) -> None:
    off = leads_to(visitor.send(path, f"{path}/status"))

    assert "The account has been disabled, and its sessions have ended." in visitor.get(off).texts["p"]
    assert customer.client.get("/api/customers/me").status_code == 401
    assert stored(db)[2] == 0

    on = leads_to(visitor.send(path, f"{path}/status"))

    assert "The account has been enabled." in visitor.get(on).texts["p"]
    assert stored(db)[2] == 1


def test_an_unknown_status_is_rejected(visitor: Visitor, path: str) -> None:
    answer = visitor.send(path, f"{path}/status", status="2")

    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_a_customer_is_deleted_only_after_its_email_was_typed(
    visitor: Visitor, customer: Account, path: str, db: Db
) -> None:
    wrong = visitor.send(f"{path}/delete", email="other@example.com")

    assert wrong.status_code == 400
    assert Page(wrong.text).fault("email")
    assert Page(wrong.text).forms[""]["email"] == "other@example.com"
    assert db.one("SELECT count(*) AS n FROM customer")["n"] == 1

    to = leads_to(visitor.send(f"{path}/delete", email=f" {customer.email.upper()} "))

    assert "The customer has been deleted." in visitor.get(to).texts["p"]
    assert db.one("SELECT count(*) AS n FROM customer")["n"] == 0
    assert visitor.client.get(path).status_code == 404
