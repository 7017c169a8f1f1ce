"""The system's Chromium, for which all names of the tests are on this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.deploy.nginx import NAME

EVIL = "evil.example"


@contextmanager
def launched() -> Iterator[Browser]:
    """Run it, headless."""
    options = ["--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync",
               f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP *.{NAME} 127.0.0.1, MAP {EVIL} 127.0.0.1"]  # fmt: skip
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses to run as root with it
    with sync_playwright() as playwright:
        # Playwright switches the back-forward cache off.
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=options, ignore_default_args=["--disable-back-forward-cache"]
        )
        yield browser
        browser.close()


class Chromium:
    """A window of it, with the same acts as Firefox."""

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context(ignore_https_errors=True)
        self._context.set_default_timeout(30_000)
        self._page = self._context.new_page()

    def run(self, script: str) -> Any:
        """Return what a function body returns in the page."""
        return self._page.evaluate(f"async () => {{ {script} }}")

    def open(self, url: str) -> None:
        """Load a page."""
        self._page.goto(url)

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self._page.locator(selector).press_sequentially(text)

    def press(self, selector: str) -> None:
        """Click on something."""
        self._page.locator(selector).click()

    def back(self) -> None:
        """Press the Back button."""
        self._page.go_back(wait_until="commit")

    def stop(self) -> None:
        """Close it."""
        self._context.close()
