"""A running service with a few customers, a browser, and the places of an admin in it."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ADDRESS, PASSWORD, REPOSITORY
from tests.support.service import BIN, Service
from tests.support.shops import serving, with_schema

ADMIN = "ada@shop.example"
SCREENSHOTS = REPOSITORY / "build" / "screenshots"
NAMES = ("Ann Customer", "Bob O'Neil <b>", "Zoë Łukasiewicz", "María-José Carreño Quiñones de la Santísima Trinidad")
WIDTHS = {"phone": 375, "desktop": 1280}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Service]:
    """Return a service of its own, with an admin and 45 customers; the first has addresses and a session."""
    with serving(tmp_path_factory.mktemp("service"), with_schema(make_database())) as service:
        fill(service)
        yield service


def fill(service: Service) -> None:
    command = [str(BIN / "flask"), "create-admin", ADMIN, "--full-name", "Ada Admin", "--password-stdin"]
    subprocess.run(
        command, cwd=REPOSITORY, env=service.environment, input=PASSWORD.encode(), check=True, capture_output=True
    )
    for number in range(45):
        register(service, f"person{number}@example.com", NAMES[number % len(NAMES)])
    login = {"email": "person0@example.com", "password": PASSWORD}
    sid = service.call("POST", "/customer/login", login)[1]["data"]["sid"]
    for more in ({"is_default": True, "telephone": "555-0100"}, {"address_1": "99 Side Road"}):
        service.call("POST", "/api/customers/me/addresses", {**ADDRESS, **more}, {"X-Session-ID": sid})


def register(service: Service, email: str, full_name: str) -> str:
    """Make a customer and return the uuid."""
    status, answer = service.call(
        "POST", "/api/customers", {"email": email, "password": PASSWORD, "full_name": full_name}
    )
    assert status == 201, answer
    uuid: str = answer["data"]["uuid"]
    return uuid


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the system's Chromium, with an empty profile of its own, which talks to nobody by itself."""
    options = ["--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync"]  # fmt: skip
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses to run as root with it
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        yield browser
        browser.close()


@dataclass
class Staff:
    """An admin at a browser window."""

    page: Page
    service: Service
    label: str

    def another_tab(self) -> "Staff":
        return Staff(self.page.context.new_page(), self.service, self.label)

    def sign_in(self, password: str = PASSWORD) -> None:
        self.page.goto("/admin/login")
        self.fill("E-mail", ADMIN)
        self.fill("Password", password)
        self.press("Sign in")

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(re.compile(f"^{label}")).first.fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def sees(self, text: str) -> bool:
        return text in self.page.locator("body").inner_text()

    def shoot(self, name: str) -> None:
        """Take a picture of the whole page, and see that nothing sticks out at its side."""
        root = self.page.locator("html")
        assert root.evaluate("e => e.scrollWidth <= e.clientWidth"), f"{name} is wider than the window"
        self.page.screenshot(path=SCREENSHOTS / self.label / f"{name}.png", full_page=True)


@pytest.fixture
def open_window(chromium: Browser, service: Service) -> Iterator[Callable[..., Staff]]:
    """Return a function that opens a window of a size, in a colour scheme, with script or without."""
    opened: list[Any] = []

    def open_window(scheme: str = "light", size: str = "desktop", *, script: bool = True) -> Staff:
        context = chromium.new_context(
            base_url=service.base,
            color_scheme=scheme,  # type: ignore[arg-type]  # a literal there
            viewport={"width": WIDTHS[size], "height": 800},
            java_script_enabled=script,
        )
        context.set_default_timeout(10_000)
        opened.append(context)
        return Staff(context.new_page(), service, f"{scheme}-{size}{'' if script else '-no-script'}")

    yield open_window
    for context in opened:
        context.close()


@pytest.fixture(scope="session", autouse=True)
def folder() -> Path:
    """Return the folder of the pictures."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
