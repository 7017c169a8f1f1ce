"""What differs between browsers, in Chromium and in Firefox: international e-mails, long passwords, the Back button."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.conftest import ADDRESS, PASSWORD
from tests.deploy.chromium import Chromium
from tests.deploy.firefox import Firefox
from tests.deploy.front import Front
from tests.deploy.nginx import NAME
from tests.support.service import wait_until

Window = Chromium | Firefox


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def window(request: pytest.FixtureRequest) -> Iterator[Window]:
    if request.param == "firefox":
        window: Window = Firefox(NAME)
    else:
        browser: Browser = request.getfixturevalue("chromium")
        window = Chromium(browser)
    yield window
    window.stop()


def fill(window: Window, form: str, **values: str) -> None:
    """Type into the fields of a form, and send it."""
    for name, value in values.items():
        window.type(f"#{form} [name={name}]", value)
    window.press(f"#{form} button")


def wait_for(window: Window, text: str, element: str = "notice") -> None:
    wait_until(lambda: text in window.run(f"return document.getElementById('{element}').textContent"), 30)


def open_signed_out(window: Window, front: Front) -> None:
    window.open(f"{front.nginx.base}/")
    window.run("await fetch('/customers/logout', { method: 'POST' })")
    window.open(f"{front.nginx.base}/")
    wait_until(lambda: not window.run("return document.getElementById('guest').hidden"), 30)


def test_an_international_domain_registers_and_signs_in(front: Front, window: Window) -> None:
    """Chromium sends the ASCII form of such a domain, Firefox the letters as typed: those were refused."""
    email = f"{type(window).__name__}@bücher.example"
    open_signed_out(window, front)

    fill(window, "register", full_name="Ann", email=email, password=PASSWORD)
    wait_for(window, "Your account is there.")
    fill(window, "login", email=email, password=PASSWORD)
    wait_for(window, "You are signed in.")

    assert window.run("return document.querySelector('#profile [name=email]').value").endswith("@xn--bcher-kva.example")


def test_a_password_that_is_too_long_is_refused_and_never_cut(front: Front, window: Window) -> None:
    """A maxlength keeps the first 72 characters of 80, and whoever pasted them cannot sign in."""
    email, pasted = f"{type(window).__name__}-long@example.com", "0123456789" * 8
    open_signed_out(window, front)

    fill(window, "register", full_name="Ann", email=email)
    window.run(f"""
        document.querySelector('#register [name=password]').focus();
        document.execCommand('insertText', false, '{pasted}');
    """)
    typed = window.run("return document.querySelector('#register [name=password]').value")
    window.press("#register button")
    wait_for(window, "72")

    assert typed == pasted
    login = front.nginx.call("POST", "/customer/login", {"email": email, "password": pasted[:72]})
    assert login.status == 401


def test_back_shows_nothing_of_an_account_that_was_left_in_another_tab(front: Front, window: Window) -> None:
    """The page came back from the back-forward cache as it was, addresses and all."""
    email = f"{type(window).__name__}-back@example.com"
    front.register(email)
    sid, _ = front.log_in(email)
    front.nginx.call(
        "POST", "/api/customers/me/addresses", {**ADDRESS, "address_1": "1 Secret Street"}, X_Session_ID=sid
    )
    open_signed_out(window, front)
    fill(window, "login", email=email, password=PASSWORD)
    wait_for(window, "1 Secret Street", "addresses")
    window.run("document.documentElement.dataset.marked = 'yes'")

    window.open(f"{front.nginx.base}/shop.css")
    window.run("await fetch('/customers/logout', { method: 'POST' })")
    window.back()
    kept = window.run("return document.documentElement.dataset.marked === 'yes'")
    at_once = window.run("return document.body.textContent")
    wait_until(lambda: not window.run("return document.getElementById('guest').hidden"), 30)

    assert kept or isinstance(window, Firefox)  # it came from the cache; Firefox, when driven, loads it anew
    assert "Secret Street" not in at_once
    assert "Secret Street" not in window.run("return document.body.textContent")
