"""A customer's addresses, sessions, mails and history, and the groups, on pages."""

from collections.abc import Callable
from typing import get_args

from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from customers.security.trail import Event
from tests.conftest import ADDRESS, PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of
from tests.support.builders import browser_of
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to, rejected

GROUPS = "/admin/groups"
STORED = "SELECT country, city, telephone, is_default FROM customer_address"


def test_an_address_can_be_added_edited_and_deleted(visitor: Visitor, edit: str, address: str, db: Db) -> None:
    leads_to(visitor.send(address, city="Springfield", is_default="1"))
    assert db.one(STORED) == {"country": "US", "city": "Springfield", "telephone": None, "is_default": True}
    assert leads_to(visitor.send(address)).endswith("?done=same")

    leads_to(visitor.send(address, f"{address}/delete"))
    added = visitor.follow(visitor.send(f"{edit}/addresses/new", **ADDRESS, is_default="1"))
    assert "Default" in added.texts["span"]
    assert db.one(STORED) == {"country": "US", "city": "", "telephone": "", "is_default": True}


def test_sessions_can_be_ended_and_a_mail_sent(
    make_app: Callable[..., Flask], customer: Account, admin: Account, edit: str, db: Db
) -> None:
    visitor = Visitor(make_app(smtp_url="smtp://127.0.0.1:1", mail_sender=False))
    visitor.sign_in(admin.email)
    for _ in range(2):
        log_in(new_client(visitor.client.application), customer.email)
    page = visitor.get(edit)

    after = visitor.follow(visitor.submit(page, page.ends[0]))
    assert (len(page.ends), len(after.ends)) == (3, 2)
    assert visitor.submit(page, page.ends[0]).status_code == 404
    assert visitor.follow(visitor.submit(after, f"{edit}/sessions/end")).ends == []
    leads_to(visitor.send(edit, f"{edit}/password-mail"))
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
    leads_to(visitor.send(GROUPS, group_name="Friends"))
    row = db.one("SELECT customer_group_id, uuid FROM customer_group WHERE group_name = 'Friends'")
    group = f"{GROUPS}/{row['uuid']}"
    leads_to(visitor.send(edit, group_id=str(row["customer_group_id"])))

    assert "Best friends" in visitor.follow(visitor.send(group, group_name="Best friends")).texts["a"]
    assert "1 customer" in visitor.get(group).texts["a"]
    assert "Best friends" not in visitor.follow(visitor.send(group, f"{group}/delete")).texts["a"]
    assert db.one("SELECT group_id FROM customer")["group_id"] == 1


def events(page: Page) -> list[str]:
    """Return the events that a page shows."""
    known = {event.replace("_", " ").capitalize() for event in get_args(Event)}
    return [text for text in page.texts["span"] if text.split(":")[0] in known]


def test_the_last_twenty_events_are_shown(
    app: Flask, ctx: Context, visitor: Visitor, customer: Account, edit: str
) -> None:
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
