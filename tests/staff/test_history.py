"""The history of an account on its staff page."""

from typing import get_args

from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from customers.security.trail import Event
from customers.staff import history
from tests.conftest import PASSWORD, Account, new_client
from tests.support.html import Page, Visitor, leads_to


def shown(page: Page) -> list[str]:
    """Return the events that a page shows."""
    return [text for text in page.texts["span"] if text in {*history.EVENTS.values(), "Account disabled"}]


def test_the_newest_event_comes_first_with_who_did_it_and_from_where(
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

    assert shown(page) == [
        *("Details changed", "Account enabled", "Sign-in refused", "Account disabled", "Signed in", "Registered")
    ]
    by = [text.split(" · ")[0] for text in page.texts["span"] if text.endswith("· 127.0.0.1 ·")]
    assert by == [f"admin {str(other.uuid)[:8]}", "you", "not signed in", "you", "the customer", "not signed in"]


def test_the_last_twenty_events_are_shown(visitor: Visitor, customer: Account, edit: str) -> None:
    for number in range(25):
        customer.client.patch(customer.path, json={"full_name": f"Name {number}"})

    assert shown(visitor.get(edit)) == ["Details changed"] * 20


def test_every_event_of_an_account_has_words() -> None:
    """But those of groups, admins and files, those that leave no account, and those that only the log has."""
    others = {"customer_deleted", "customers_imported", "customers_exported", "audit_purged"}
    prefixes = ("group_created", "group_renamed", "group_deleted", "admin_", "address_")

    assert set(history.EVENTS) == {event for event in get_args(Event) if not event.startswith(prefixes)} - others
