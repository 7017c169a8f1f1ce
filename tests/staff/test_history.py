"""The history of an account on its staff page."""

from typing import get_args

from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from customers.security.trail import Event
from tests.conftest import PASSWORD, Account, new_client
from tests.support.html import Page, Visitor, leads_to


def shown(page: Page) -> list[str]:
    """Return the events that a page shows."""
    events = {event.replace("_", " ").capitalize() for event in get_args(Event)}
    return [text for text in page.texts["span"] if text.split(":")[0] in events]


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
        *("Customer updated", "Status changed: from 0 to 1", "Login failed", "Status changed: from 1 to 0"),
        *("Login succeeded", "Customer registered"),
    ]
    by = [text.split(" · ")[0] for text in page.texts["span"] if text.endswith("· 127.0.0.1 ·")]
    assert by == [f"admin {str(other.uuid)[:8]}", "you", "anonymous", "you", "customer", "anonymous"]


def test_the_last_twenty_events_are_shown(visitor: Visitor, customer: Account, edit: str) -> None:
    for number in range(25):
        customer.client.patch(customer.path, json={"full_name": f"Name {number}"})

    assert shown(visitor.get(edit)) == ["Customer updated"] * 20
