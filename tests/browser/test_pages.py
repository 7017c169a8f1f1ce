"""What a browser alone shows of the staff's pages: accessibility, colours, layout on a phone."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import ADDRESS, PASSWORD
from tests.support.chromium import launched
from tests.support.service import ANN, Service, make_admin, sign_up
from tests.support.shops import serving, with_schema

ADMIN = "ada@shop.example"
NAMES = ("Ann Customer", "Bob O'Neil <b>", "Zoë Łukasiewicz", "María-José Carreño Quiñones de la Santísima Trinidad")
AXE = (Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js").read_text()
# {customer} is the page of the first.
PATHS = (
    "/admin/login",
    "/admin/customers",
    "{customer}",
    "{customer}/delete",
    "{customer}/addresses/new",
    "/admin/customers/new",
    "/admin/customers?keyword=nobody",
    "/admin/customers?created_from=soon&status=2",
    "/admin/customers?page=99",
    "/admin/groups",
    "/admin/nothing",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Service]:
    """Return a service with an admin and 25 customers; the first has addresses and a session."""
    with serving(tmp_path_factory.mktemp("service"), with_schema(make_database())) as service:
        make_admin(ADMIN, **service.settings)
        path, header = sign_up(service, "person0@example.com")
        for more in ({"is_default": True, "telephone": "555-0100"}, {"address_1": "99 Side Road"}):
            service.call("POST", f"{path}/addresses", {**ADDRESS, **more}, header)
        for number in range(1, 25):
            body = {**ANN, "email": f"person{number}@example.com", "full_name": NAMES[number % len(NAMES)]}
            assert service.call("POST", "/api/customers", body)[0] == 201
        yield service


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def fill(page: Page, label: str, text: str) -> None:
    page.get_by_label(re.compile(f"^{label}")).first.fill(text)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.goto("/admin/login")
    fill(page, "E-mail", ADMIN)
    fill(page, "Password", password)
    press(page, "Sign in")


def check(page: Page, name: str) -> None:
    """Assert that axe-core finds nothing, and that nothing sticks out at the side."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "the checker has run"
    faults = {one["id"]: [one["impact"], *(node["html"] for node in one["nodes"])] for one in found["violations"]}
    assert faults == {}, f"{name}: {json.dumps(faults, indent=1)}"
    assert page.locator("html").evaluate("e => e.scrollWidth <= e.clientWidth"), f"{name} is too wide"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)], ids=["light desktop", "dark phone"])
def test_axe_finds_nothing_and_every_page_fits_the_window(
    chromium: Browser, service: Service, scheme: Any, width: int
) -> None:
    viewport: Any = {"width": width, "height": 800}
    context = chromium.new_context(base_url=service.base, color_scheme=scheme, viewport=viewport)
    page, other = context.new_page(), context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)

    sign_in(page, "a wrong password")
    check(page, "a refused login")
    sign_in(page)
    colour = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    page.get_by_text("Filters and sorting").click()
    check(page, "filters")
    page.goto("/admin/customers?keyword=person0%40")
    page.locator(".row-link").click()
    customer = page.url
    for path in PATHS:
        page.goto(path.format(customer=customer))
        check(page, path)
    for start, link in ((customer, "Edit address 1"), ("/admin/groups", "Default")):
        page.goto(start)
        page.get_by_role("link", name=link, exact=True).first.click()
        check(page, link)

    page.goto(customer)
    other.goto(customer)
    fill(other, "New password", "staple correct horse")
    press(other, "Save changes")
    check(other, "saved")
    for name, email in {"changed meanwhile": "person99@example.com", "refused": "person1@example.com"}.items():
        fill(page, "E-mail", email)
        press(page, "Save changes")
        check(page, name)
        page.goto(customer)
    context.close()

    assert said == []
    assert (sum(int(part) for part in re.findall(r"\d+", colour)) < 200) == (scheme == "dark")
