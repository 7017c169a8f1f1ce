"""The history of an account on its staff page."""

from typing import get_args

import pytest
from flask import Flask

from customers.security.trail import Event
from customers.staff import history
from tests.conftest import Account, log_in, new_client
from tests.support.database import Db
from tests.support.html import Page, Visitor


@pytest.fixture
def path(customer: Account) -> str:
    return f"/admin/customers/edit/{customer.uuid}"


def shown(page: Page) -> list[str]:
    """Return the events that a page shows."""
    return [text for text in page.texts["span"] if text in {*history.EVENTS.values(), "Account disabled"}]


def test_the_newest_event_comes_first_with_who_did_it_and_from_where(
    visitor: Visitor, customer: Account, path: str, app: Flask
) -> None:
    visitor.send(path, f"{path}/status")
    new_client(app).post("/customer/login", json={"email": customer.email, "password": "not the password"})
    visitor.send(path, f"{path}/status")

    page = visitor.get(path)

    assert shown(page) == ["Account enabled", "Sign-in refused", "Account disabled", "Signed in", "Registered"]
    by = [text for text in page.texts["span"] if text.endswith("· 127.0.0.1 ·")]
    assert [text.split(" · ")[0] for text in by] == ["you", "not signed in", "you", "the customer", "not signed in"]


def test_another_admin_is_named_by_the_uuid(
    visitor: Visitor, customer: Account, path: str, db: Db, admin: Account
) -> None:
    db.execute("INSERT INTO admin_user (email, password) SELECT 'b@example.com', password FROM admin_user")
    other = new_client(visitor.client.application)
    log_in(other, "b@example.com", path="/admin/user/login")
    other.patch(customer.path, json={"full_name": "Other"})
    uuid = str(db.one("SELECT uuid FROM admin_user WHERE email = 'b@example.com'")["uuid"])

    page = visitor.get(path)

    assert any(text.startswith(f"admin {uuid[:8]} ·") for text in page.texts["span"])


def test_the_last_twenty_events_are_shown(visitor: Visitor, customer: Account, path: str) -> None:
    for number in range(25):
        customer.client.patch(customer.path, json={"full_name": f"Name {number}"})

    assert shown(visitor.get(path)) == ["Details changed"] * 20


def test_an_account_without_events_says_so(visitor: Visitor, path: str, db: Db) -> None:
    db.empty_audit_log()

    assert "Nothing has been recorded yet." in visitor.get(path).texts["p"]


def test_every_event_of_an_account_has_words() -> None:
    """But those of groups, admins and files, those that leave no account, and those that only the log has."""
    others = {"customer_deleted", "customers_imported", "customers_exported", "audit_purged"}
    prefixes = ("group_created", "group_renamed", "group_deleted", "admin_", "address_")

    assert set(history.EVENTS) == {event for event in get_args(Event) if not event.startswith(prefixes)} - others
