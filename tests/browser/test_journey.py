"""A working day of the shop's staff, in light and dark, on a phone and at a desk, with script and without."""

import uuid
from collections.abc import Callable

import pytest

from tests.browser.conftest import ADMIN, Staff, register
from tests.conftest import PASSWORD

WINDOWS = [
    ("light", "desktop", True),
    ("dark", "phone", True),
    ("light", "phone", False),
]


@pytest.mark.parametrize(("scheme", "size", "script"), WINDOWS)
def test_a_working_day(open_window: Callable[..., Staff], scheme: str, size: str, script: bool) -> None:
    staff = open_window(scheme, size, script=script)
    email = f"{uuid.uuid4().hex}@example.com"
    path = f"/admin/customers/edit/{register(staff.service, email, 'Carla Coming')}"

    sign_in(staff, path)
    search(staff, email)
    edit(staff, email)
    lose_a_race(staff, path)
    add_an_address(staff)
    disable_and_delete(staff, email)
    sign_out(staff)


def sign_in(staff: Staff, path: str) -> None:
    """Try a wrong password, then the right one, which leads to where one wanted to go."""
    staff.page.goto(f"{path}?keyword=x")
    staff.shoot("sign-in")
    staff.fill("E-mail", ADMIN)
    staff.fill("Password", "a wrong password")
    staff.press("Sign in")
    assert staff.sees("The e-mail address or the password is wrong.")
    assert staff.page.get_by_label("E-mail").input_value() == ADMIN
    staff.shoot("sign-in-refused")
    staff.fill("Password", PASSWORD)
    staff.press("Sign in")
    assert staff.page.url.endswith(f"{path}?keyword=x")


def search(staff: Staff, email: str) -> None:
    staff.follow("All customers")
    staff.shoot("list")
    staff.fill("Search", email[:20])
    staff.press("Search")
    assert staff.sees("1\u20131 of 1 customer found")
    staff.shoot("list-found")
    staff.follow("Carla Coming")
    assert staff.page.title() == "Carla Coming \u2013 Customers"


def edit(staff: Staff, email: str) -> None:
    """Type an address that somebody else has, then one's own."""
    staff.fill("E-mail", "person1@example.com")
    staff.press("Save changes")
    assert staff.page.title().startswith("Error: ")
    assert staff.page.get_by_label("E-mail").get_attribute("aria-invalid") == "true"
    staff.shoot("edit-refused")
    staff.fill("E-mail", email)
    staff.fill("Name", "Carla Come")
    staff.press("Save changes")
    assert staff.sees("Your changes have been saved.")
    staff.shoot("edit-saved")


def lose_a_race(staff: Staff, path: str) -> None:
    """Change the same customer in two tabs."""
    other = staff.another_tab()
    other.page.goto(path)
    other.fill("Name", "Carla of the other tab")
    other.press("Save changes")
    staff.fill("Name", "Carla of this tab")
    staff.press("Save changes")
    assert staff.sees("This customer has been changed meanwhile")
    assert staff.page.get_by_role("cell", name="Carla of the other tab").is_visible()
    assert staff.page.get_by_role("cell", name="Carla of this tab").is_visible()
    staff.shoot("race")
    staff.press("Save changes")
    assert staff.page.get_by_role("heading", level=1).inner_text().startswith("Carla of this tab")


def add_an_address(staff: Staff) -> None:
    staff.follow("Add address")
    for label, text in {"Name": "Carla", "Street": "1 Main Street", "Postcode": "62701", "Province": "IL"}.items():
        staff.fill(label, text)
    staff.fill("Country", "us")
    staff.page.get_by_label("Default address").check()
    staff.shoot("address")
    staff.press("Add address")
    assert staff.sees("The address has been added.")


def disable_and_delete(staff: Staff, email: str) -> None:
    staff.press("Disable account")
    assert staff.sees("The account has been disabled, and its sessions have ended.")
    staff.shoot("disabled")
    staff.follow("Delete customer…")
    staff.fill("E-mail", "another@example.com")
    staff.press("Delete for good")
    assert staff.sees("This is not the customer's e-mail address.")
    staff.shoot("delete-refused")
    staff.fill("E-mail", email)
    staff.press("Delete for good")
    assert staff.sees("The customer has been deleted.")


def sign_out(staff: Staff) -> None:
    staff.press("Sign out")
    assert staff.sees("You have signed out.")
    staff.page.goto("/admin/customers")
    assert "/admin/login" in staff.page.url


def test_groups_filters_and_sessions(open_window: Callable[..., Staff]) -> None:
    staff = open_window()
    staff.sign_in()
    name = f"Group {uuid.uuid4().hex[:8]}"

    staff.follow("Groups")
    staff.fill("Name", name)
    staff.press("Create group")
    assert staff.sees("The group has been created.")
    staff.shoot("groups")

    status, _ = staff.service.call("POST", "/customer/login", {"email": "person2@example.com", "password": PASSWORD})
    assert status == 200
    staff.page.goto("/admin/customers?keyword=person2%40")
    staff.page.locator(".row-link").click()
    staff.page.get_by_label("Group").select_option(name)
    staff.press("Save changes")
    staff.shoot("edit-full")
    staff.press("End session 1")
    assert staff.sees("The session has ended.")

    staff.follow("All customers")
    staff.page.get_by_text("Filters and sorting").click()
    staff.page.get_by_label("Group").select_option(name)
    staff.page.get_by_label("Sort by").select_option("-email")
    staff.press("Apply")
    assert staff.sees("1\u20131 of 1 customer found")
    assert staff.page.get_by_role("columnheader", name="E-mail").get_attribute("aria-sort") == "descending"
    staff.shoot("list-filtered")

    staff.follow("Groups")
    staff.follow(name)
    staff.shoot("group")
    staff.press("Delete group")
    assert not staff.page.get_by_role("link", name=name, exact=True).count()


def test_the_keyboard_is_enough(open_window: Callable[..., Staff]) -> None:
    staff = open_window()
    staff.page.goto("/admin/login")

    staff.page.get_by_label("E-mail").focus()
    staff.page.keyboard.type(ADMIN)
    staff.page.keyboard.press("Tab")
    staff.page.keyboard.type(PASSWORD)
    staff.page.keyboard.press("Enter")
    staff.page.wait_for_url("**/admin/customers")
    staff.page.keyboard.press("Tab")

    skip = staff.page.get_by_role("link", name="Skip to content")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]  # it is there
    staff.page.keyboard.press("Enter")
    assert staff.page.locator("main").evaluate("e => e === document.activeElement")
