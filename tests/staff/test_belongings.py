"""A customer's addresses, sessions and mails, and the groups, on pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import ADDRESS, Account, log_in, new_client
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to

GROUPS = "/admin/groups"


@pytest.fixture
def path(customer: Account) -> str:
    return f"/admin/customers/edit/{customer.uuid}"


@pytest.fixture
def address(customer: Account, path: str) -> str:
    """Return the page of an address."""
    added = customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
    return f"{path}/addresses/{added.get_json()['data']['uuid']}"


def test_an_address_can_be_added(visitor: Visitor, path: str, db: Db) -> None:
    to = leads_to(visitor.send(f"{path}/addresses/new", **ADDRESS, is_default="1"))

    page = visitor.get(to)
    assert "The address has been added." in page.texts["p"]
    assert "Default" in page.texts["span"]
    assert db.one("SELECT country, city, is_default FROM customer_address") == {
        "country": "US",
        "city": "",
        "is_default": True,
    }


@pytest.mark.parametrize(
    ("field", "value"), [("full_name", ""), ("country", "USA"), ("postcode", " "), ("city", "x" * 256)]
)
def test_a_rejected_address_says_why_at_its_field(
    visitor: Visitor, path: str, address: str, db: Db, field: str, value: str
) -> None:
    before = db.all("SELECT * FROM customer_address")

    for form in (f"{path}/addresses/new", address):
        answer = visitor.send(form, **{**ADDRESS, "telephone": "555-0100", field: value})
        page = Page(answer.text)
        assert answer.status_code == 400
        assert page.fault(field)
        assert page.forms[""]["telephone"] == "555-0100"
    assert db.all("SELECT * FROM customer_address") == before


def test_a_hundred_and_first_address_is_refused(visitor: Visitor, customer: Account, path: str, db: Db) -> None:
    db.execute(
        "INSERT INTO customer_address (customer_id, country) "
        "SELECT customer_id, 'US' FROM customer, generate_series(1, 100)"
    )

    answer = visitor.send(f"{path}/addresses/new", **ADDRESS)

    assert answer.status_code == 409
    assert "A customer has at most 100 addresses." in Page(answer.text).texts["p"]


def test_an_address_can_be_edited(visitor: Visitor, address: str, db: Db) -> None:
    leads_to(visitor.send(address, city="Springfield", is_default="1"))

    assert db.one("SELECT city, telephone, is_default FROM customer_address") == {
        "city": "Springfield",
        "telephone": None,
        "is_default": True,
    }
    assert leads_to(visitor.send(address)).endswith("?done=same")


def test_an_edit_of_an_address_changed_meanwhile_shows_both_versions(visitor: Visitor, address: str, db: Db) -> None:
    mine = visitor.get(address)
    db.execute("UPDATE customer_address SET city = 'Theirs'")

    lost = visitor.submit(mine, "", address, city="Mine")

    page = Page(lost.text)
    assert lost.status_code == 412
    assert "Theirs" in page.texts["td"]
    assert page.texts["strong"] == ["Mine"]
    assert db.one("SELECT city FROM customer_address")["city"] == "Theirs"
    assert leads_to(visitor.submit(page, "", address))
    assert db.one("SELECT city FROM customer_address")["city"] == "Mine"


def test_an_address_can_be_made_the_default_and_deleted(visitor: Visitor, path: str, address: str, db: Db) -> None:
    leads_to(visitor.send(path, f"{address}/default"))
    assert db.one("SELECT is_default FROM customer_address")["is_default"]

    to = leads_to(visitor.send(address, f"{address}/delete"))

    assert "The address has been deleted." in visitor.get(to).texts["p"]
    assert "No addresses yet." in visitor.get(to).texts["p"]


def test_one_session_or_all_can_be_ended(visitor: Visitor, customer: Account, path: str, app: Flask) -> None:
    log_in(new_client(app), customer.email)
    log_in(new_client(app), customer.email)
    page = visitor.get(path)
    single = [action for action in page.forms if action.endswith("/end") and action != f"{path}/sessions/end"]
    assert len(single) == 3

    one = leads_to(visitor.submit(page, single[0]))

    after = visitor.get(one)
    assert "The session has ended." in after.texts["p"]
    assert len([action for action in after.forms if action.endswith("/end")]) == 3
    assert visitor.submit(page, single[0]).status_code == 404
    assert "Not signed in anywhere." in visitor.get(leads_to(visitor.submit(after, f"{path}/sessions/end"))).texts["p"]
    assert visitor.get("/admin/customers")


def test_a_reset_mail_can_be_sent(
    make_app: Callable[..., Flask], customer: Account, admin: Account, path: str, db: Db
) -> None:
    visitor = Visitor(make_app(smtp_url="smtp://127.0.0.1:1", mail_sender=False))
    visitor.sign_in(admin.email)

    to = leads_to(visitor.send(path, f"{path}/password-mail"))

    assert "A link for a new password is on its way" in visitor.get(to).texts["p"][0]
    assert db.one("SELECT kind, recipient AS email FROM outbox_mail") == {
        "kind": "reset_password",
        "email": customer.email,
    }


def test_without_a_mail_server_the_page_says_so(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)

    refused = visitor.client.post(f"{path}/password-mail", data={"token": page.forms[path]["token"]})

    assert f"{path}/password-mail" not in page.forms
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "3600")
    assert "Mail cannot be sent at present." in Page(refused.text).texts["p"]


def test_groups_can_be_created_renamed_and_deleted(visitor: Visitor, customer: Account, path: str, db: Db) -> None:
    created = visitor.get(leads_to(visitor.send(GROUPS, group_name="Friends")))
    row = db.one("SELECT customer_group_id, uuid FROM customer_group WHERE group_name = 'Friends'")
    group = f"{GROUPS}/{row['uuid']}"
    leads_to(visitor.send(path, group_id=str(row["customer_group_id"])))

    renamed = visitor.get(leads_to(visitor.send(group, group_name="Best friends")))
    counted = visitor.get(group)
    deleted = visitor.get(leads_to(visitor.send(group, f"{group}/delete")))

    assert "The group has been created." in created.texts["p"]
    assert "Best friends" in renamed.texts["a"]
    assert "1 customer" in counted.texts["a"]
    assert "Best friends" not in deleted.texts["a"]
    assert db.one("SELECT group_id FROM customer")["group_id"] == 1


def test_a_rejected_group_name_says_why_at_its_field(visitor: Visitor, db: Db) -> None:
    visitor.send(GROUPS, group_name="Friends")
    group = f"{GROUPS}/{db.one('SELECT uuid FROM customer_group WHERE customer_group_id <> 1')['uuid']}"

    for form, typed, status in (
        (GROUPS, "", 400),
        (GROUPS, "FRIENDS", 409),
        (group, " ", 400),
        (group, "default", 409),
    ):
        answer = visitor.send(form, group_name=typed)
        page = Page(answer.text)
        assert answer.status_code == status
        assert page.fault("group_name")
        assert page.forms[group if form == group else ""]["group_name"] == typed


def test_the_default_group_cannot_be_deleted(visitor: Visitor, db: Db) -> None:
    group = f"{GROUPS}/{db.one('SELECT uuid FROM customer_group WHERE customer_group_id = 1')['uuid']}"
    page = visitor.get(group)

    refused = visitor.client.post(f"{group}/delete", data={"token": page.forms[group]["token"]})

    assert f"{group}/delete" not in page.forms
    assert refused.status_code == 409
    assert "The default group cannot be deleted." in Page(refused.text).texts["p"]
