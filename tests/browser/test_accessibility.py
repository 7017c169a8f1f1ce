"""axe-core finds nothing on any page, in light and dark, on a phone and at a desk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Staff

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


def check(staff: Staff, name: str) -> None:
    """Assert that axe-core finds nothing, and that the browser had nothing to complain of."""
    staff.page.evaluate(AXE.read_text())
    found: dict[str, Any] = staff.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "the checker has run"
    faults = {
        violation["id"]: [violation["impact"], *(node["html"] for node in violation["nodes"])]
        for violation in found["violations"]
    }
    assert faults == {}, f"{name}: {json.dumps(faults, indent=1)}"


@pytest.mark.parametrize(("scheme", "size"), [("light", "desktop"), ("dark", "phone")])
def test_axe_finds_nothing(open_window: Callable[..., Staff], scheme: str, size: str) -> None:
    staff = open_window(scheme, size)
    said: list[str] = []
    staff.page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)

    staff.sign_in("a wrong password")
    check(staff, "sign in")
    staff.sign_in()
    check(staff, "list")
    staff.page.get_by_text("Filters and sorting").click()
    check(staff, "filters")
    staff.page.goto("/admin/customers?keyword=person0%40")
    staff.follow("Ann Customer")
    check(staff, "customer")
    customer = staff.page.url
    other = staff.another_tab()
    other.page.goto(customer)
    other.fill("New password", "staple correct horse")
    other.press("Save changes")
    check(other, "saved")
    staff.fill("E-mail", "person99@example.com")
    staff.press("Save changes")
    check(staff, "race")
    staff.page.goto(customer)
    staff.fill("E-mail", "person1@example.com")
    staff.press("Save changes")
    check(staff, "refused")

    for path in (
        f"{customer}/delete",
        f"{customer}/addresses/new",
        "/admin/customers/new",
        "/admin/customers?keyword=nobody",
        "/admin/customers?created_from=soon&status=2",
        "/admin/customers?page=99",
        "/admin/groups",
        "/admin/nothing",
    ):
        staff.page.goto(path)
        check(staff, path)
    staff.page.goto(customer)
    staff.page.get_by_role("link", name="Edit address 1").click()
    check(staff, "address")
    staff.page.goto("/admin/groups")
    staff.follow("Default")
    check(staff, "group")

    assert said == []
