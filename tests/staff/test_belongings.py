"""A customer's addresses, sessions and mails, and the groups, on pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import ADDRESS, Account, log_in, new_client
from tests.support.builders import group_of
from tests.support.database import Db
from tests.support.html import Visitor, leads_to, rejected

GROUPS = "/admin/groups"
STORED = "SELECT country, city, telephone, is_default FROM customer_address"


def test_an_address_can_be_added_edited_made_the_default_and_deleted(
    visitor: Visitor, edit: str, address: str, db: Db
) -> None:
    leads_to(visitor.send(address, city="Springfield", is_default="1"))
    assert db.one(STORED) == {"country": "US", "city": "Springfield", "telephone": None, "is_default": True}
    assert leads_to(visitor.send(address)).endswith("?done=same")

    gone = visitor.follow(visitor.send(address, f"{address}/delete"))
    assert {"The address has been deleted.", "No addresses yet."} <= set(gone.texts["p"])

    added = visitor.follow(visitor.send(f"{edit}/addresses/new", **ADDRESS, is_default="1"))
    assert "The address has been added." in added.texts["p"]
    assert "Default" in added.texts["span"]
    assert db.one(STORED) == {"country": "US", "city": "", "telephone": "", "is_default": True}


@pytest.mark.parametrize(
    ("field", "value"), [("full_name", ""), ("country", "USA"), ("postcode", " "), ("city", "x" * 256)]
)
def test_a_rejected_address_says_why_at_its_field(
    visitor: Visitor, edit: str, address: str, db: Db, field: str, value: str
) -> None:
    before = db.all("SELECT * FROM customer_address")

    for form in (f"{edit}/addresses/new", address):
        page = rejected(visitor.send(form, **{**ADDRESS, "telephone": "555-0100", field: value}), 400, field)
        assert page.forms[""]["telephone"] == "555-0100"
    assert db.all("SELECT * FROM customer_address") == before


def test_a_hundred_and_first_address_is_refused(visitor: Visitor, edit: str, db: Db) -> None:
    db.execute("INSERT INTO customer_address (customer_id, country)"
               " SELECT customer_id, 'US' FROM customer, generate_series(1, 100)")  # fmt: skip

    page = rejected(visitor.send(f"{edit}/addresses/new", **ADDRESS), 409)

    assert "A customer has at most 100 addresses." in page.texts["p"]


def test_an_edit_of_an_address_changed_meanwhile_shows_both_versions(visitor: Visitor, address: str, db: Db) -> None:
    mine = visitor.get(address)
    db.execute("UPDATE customer_address SET city = 'Theirs'")

    page = rejected(visitor.submit(mine, "", address, city="Mine"), 412)

    assert "Theirs" in page.texts["td"]
    assert page.texts["strong"] == ["Mine"]
    assert db.one(STORED)["city"] == "Theirs"
    assert leads_to(visitor.submit(page, "", address))
    assert db.one(STORED)["city"] == "Mine"


def test_one_session_or_all_can_be_ended(visitor: Visitor, customer: Account, edit: str, app: Flask) -> None:
    log_in(new_client(app), customer.email)
    log_in(new_client(app), customer.email)
    page = visitor.get(edit)

    after = visitor.follow(visitor.submit(page, page.ends[0]))
    again = visitor.submit(page, page.ends[0])
    none = visitor.follow(visitor.submit(after, f"{edit}/sessions/end"))

    assert "The session has ended." in after.texts["p"]
    assert (len(page.ends), len(after.ends), again.status_code) == (3, 2, 404)
    assert "Not signed in anywhere." in none.texts["p"]


def test_the_page_of_a_customer_shows_no_more_sessions_than_an_account_may_have(
    make_app: Callable[..., Flask], admin: Account, edit: str, db: Db
) -> None:
    visitor = Visitor(make_app(max_sessions=10))
    visitor.sign_in(admin.email)
    db.execute("INSERT INTO login_session (digest, customer_id, expires_at) SELECT sha256(n::text::bytea),"
               " customer_id, now() + interval '1 day' FROM customer, generate_series(1, 50) AS n")  # fmt: skip

    assert len(visitor.get(edit).ends) == 10


def test_a_reset_mail_can_be_sent(
    make_app: Callable[..., Flask], customer: Account, admin: Account, edit: str, db: Db
) -> None:
    visitor = Visitor(make_app(smtp_url="smtp://127.0.0.1:1", mail_sender=False))
    visitor.sign_in(admin.email)

    page = visitor.follow(visitor.send(edit, f"{edit}/password-mail"))

    assert "A link for a new password is on its way" in page.texts["p"][0]
    mail = {"kind": "reset_password", "recipient": customer.email}
    assert db.one("SELECT kind, recipient FROM outbox_mail") == mail


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
    created = visitor.follow(visitor.send(GROUPS, group_name="Friends"))
    row = db.one("SELECT customer_group_id, uuid FROM customer_group WHERE group_name = 'Friends'")
    group = f"{GROUPS}/{row['uuid']}"
    leads_to(visitor.send(edit, group_id=str(row["customer_group_id"])))

    renamed = visitor.follow(visitor.send(group, group_name="Best friends"))
    counted = visitor.get(group)
    deleted = visitor.follow(visitor.send(group, f"{group}/delete"))

    assert "The group has been created." in created.texts["p"]
    assert "Best friends" in renamed.texts["a"]
    assert "1 customer" in counted.texts["a"]
    assert "Best friends" not in deleted.texts["a"]
    assert db.one("SELECT group_id FROM customer")["group_id"] == 1


def test_a_rejected_group_name_says_why_at_its_field(visitor: Visitor, admin: Account) -> None:
    group = f"{GROUPS}/{group_of(admin, 'Friends')['uuid']}"

    for form, typed, status in [
        (GROUPS, "", 400),
        (GROUPS, "FRIENDS", 409),
        (group, " ", 400),
        (group, "default", 409),
    ]:
        page = rejected(visitor.send(form, group_name=typed), status, "group_name")
        assert page.forms[group if form == group else ""]["group_name"] == typed
