"""The system's Chromium."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

OPTIONS = ("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync")  # fmt: skip


@contextmanager
def launched(*options: str) -> Iterator[Browser]:
    """Run it with an empty profile; it talks to nobody by itself."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to run as root with it
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*OPTIONS, *options, *as_root],
            ignore_default_args=["--disable-back-forward-cache"],  # Playwright switches that cache off
        )
        yield browser
        browser.close()
