"""What differs between browsers, in Chromium and in Firefox: international e-mails and pasted passwords; and Back."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import ADDRESS, PASSWORD
from tests.deploy.browsers import Chromium, Firefox, Window
from tests.deploy.front import Front


@pytest.fixture(scope="module")
def firefox() -> Iterator[Window]:
    with closing(Firefox()) as window:
        yield window


@pytest.fixture(params=["chromium", "firefox"])
def window(request: pytest.FixtureRequest, front: Front) -> Window:
    """Return a window at the shop's page, where nobody is signed in."""
    window: Window = request.getfixturevalue(request.param)
    window.open(f"{front.nginx.base}/")
    window.run("await fetch('/customers/logout', { method: 'POST' })")
    window.visit(f"{front.nginx.base}/")
    return window


def test_an_international_domain_registers_and_signs_in(window: Window) -> None:
    """Chromium sends the ASCII form of such a domain, Firefox the letters as typed: those were refused."""
    email = f"{type(window).__name__}@bücher.example"

    window.send("register", full_name="Ann", email=email, password=PASSWORD)
    window.reads("Your account is there.")
    window.send("login", email=email, password=PASSWORD)
    window.reads("You are signed in.")

    assert window.value("#profile [name=email]").endswith("@xn--bcher-kva.example")


def test_a_password_that_is_too_long_is_refused_and_never_cut(front: Front, window: Window) -> None:
    """A maxlength keeps the first 72 characters of 80, and whoever pasted them cannot sign in."""
    email, pasted = f"{type(window).__name__}-long@example.com", "0123456789" * 8
    field = "#register [name=password]"

    window.type("#register [name=full_name]", "Ann")
    window.type("#register [name=email]", email)
    window.run(f"document.querySelector('{field}').focus(); document.execCommand('insertText', false, '{pasted}')")
    typed = window.value(field)
    window.press("#register button")
    window.reads("72")

    assert typed == pasted
    login = front.nginx.call("POST", "/customer/login", {"email": email, "password": pasted[:72]})
    assert login.status == 401


def test_back_shows_nothing_of_an_account_that_was_left_in_another_tab(front: Front, chromium: Chromium) -> None:
    """The page came back from the back-forward cache as it was, addresses and all."""
    person, address = front.sign_up("back@example.com"), {**ADDRESS, "address_1": "1 Secret Street"}
    front.nginx.call("POST", "/api/customers/me/addresses", address, X_Session_ID=person.sid)
    chromium.visit(f"{front.nginx.base}/")
    chromium.send("login", email="back@example.com", password=PASSWORD)
    chromium.reads("1 Secret Street", "addresses")
    chromium.run("document.documentElement.dataset.marked = 'yes'")

    chromium.open(f"{front.nginx.base}/shop.css")
    chromium.run("await fetch('/customers/logout', { method: 'POST' })")
    chromium.page.go_back(wait_until="commit")
    kept = chromium.run("return document.documentElement.dataset.marked")
    at_once = chromium.run("return document.body.textContent")
    chromium.wait_for_guest()

    assert kept == "yes"  # it came from the cache
    assert "Secret Street" not in at_once
    assert "Secret Street" not in chromium.run("return document.body.textContent")
