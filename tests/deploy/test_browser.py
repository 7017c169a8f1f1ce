"""The shop's page in browsers: its forms, a reset; and what pages of other origins can do."""

import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ADDRESS, PASSWORD
from tests.deploy.browsers import EVIL, Chromium, Firefox, Window
from tests.deploy.front import Front
from tests.deploy.nginx import NAME
from tests.support.answering import answering
from tests.support.service import wait_until
from tests.support.smtp import MailServer

FETCHES, FORM = ((Path(__file__).parent / f"{name}_elsewhere.js").read_text() for name in ("fetches", "form"))
PASSWORD_FIELD = "#register [name=password]"


@pytest.fixture(scope="module")
def elsewhere(front: Front) -> Iterator[int]:
    """Return the port of an empty page, over TLS: with plain HTTP no page would be of the shop's site to a browser."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(front.nginx.certificate, front.nginx.key)
    page = b"<!doctype html><title>Elsewhere</title><body>"
    with answering(lambda *_: (200, "text/html", page), context) as port:
        yield port


@pytest.fixture
def firefox() -> Iterator[Window]:
    with closing(Firefox()) as window:
        yield window


@pytest.fixture
def signed_in(chromium: Chromium, front: Front, request: pytest.FixtureRequest) -> Chromium:
    """Return a customer who has just signed in."""
    email = f"{abs(hash(request.node.name))}@example.com"
    front.sign_up(email)
    chromium.visit(f"{front.nginx.base}/")
    chromium.send("login", email=email, password=PASSWORD)
    chromium.reads("You are signed in.")
    return chromium


@pytest.mark.parametrize("name", ["chromium", "firefox"])
def test_a_password_that_is_too_long_is_never_cut_and_an_international_domain_signs_in(
    front: Front, request: pytest.FixtureRequest, name: str
) -> None:
    """A maxlength keeps the first 72 characters of 80, and whoever pasted them cannot sign in.

    Chromium sends the ASCII form of such a domain, Firefox the letters as typed: those were refused.
    """
    window: Window = request.getfixturevalue(name)
    email, pasted = f"{name}@bücher.example", "0123456789" * 8
    window.visit(f"{front.nginx.base}/")

    window.type("#register [name=full_name]", "Ann")
    window.type("#register [name=email]", email)
    window.run(f"document.querySelector('{PASSWORD_FIELD}').focus()")
    window.run(f"document.execCommand('insertText', false, '{pasted}')")
    assert window.value(PASSWORD_FIELD) == pasted
    window.press("#register button")
    window.reads("72")
    assert front.nginx.call("POST", "/customer/login", {"email": email, "password": pasted[:72]}).status == 401

    window.send("register", full_name="Ann", email=email, password=PASSWORD)
    window.reads("Your account is there.")
    window.send("login", email=email, password=PASSWORD)
    window.reads("You are signed in.")
    assert window.value("#profile [name=email]").endswith("@xn--bcher-kva.example")


def test_back_shows_nothing_of_an_account_that_was_left_in_another_tab(front: Front, signed_in: Chromium) -> None:
    """The page came back from the back-forward cache as it was, addresses and all."""
    signed_in.send("address", **ADDRESS)
    signed_in.reads(ADDRESS["address_1"], "addresses")
    signed_in.run("addEventListener('pageshow', () => { window.shown = document.body.textContent; })")

    signed_in.open(f"{front.nginx.base}/shop.css")
    signed_in.run("await fetch('/customers/logout', { method: 'POST' })")
    signed_in.page.go_back(wait_until="commit")

    wait_until(lambda: signed_in.run("return window.shown"), 30, "the page out of the back-forward cache")
    assert ADDRESS["address_1"] not in signed_in.run("return window.shown"), "it was shown before the service was asked"
    signed_in.wait_for_guest()
    assert ADDRESS["address_1"] not in signed_in.run("return document.body.textContent")


def test_the_link_of_a_mail_sets_a_password_and_its_secret_is_in_no_log_of_nginx(
    chromium: Chromium, mails: MailServer, front: Front
) -> None:
    page, faults, email = chromium.page, list[str](), "forgetful@example.com"
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    front.sign_up(email)
    chromium.visit(f"{front.nginx.base}/")

    chromium.send("forgotten", email=email)
    chromium.reads("a mail is on its way")
    wait_until(lambda: email in mails.recipients)
    (mail,) = [mail for mail in mails.mails if mail.recipients == [email]]
    link = re.search(r"https://shop\.example(/reset-password#token=([A-Za-z0-9_-]{40,}))", mail.part("plain"))
    assert link
    chromium.open("about:blank")
    chromium.open(front.nginx.base + link[1])
    chromium.send("reset", password="staple correct horse")
    chromium.reads("Your password is changed.")
    assert page.url == f"{front.nginx.base}/"
    chromium.send("login", email=email, password="staple correct horse")
    chromium.reads("You are signed in.")

    assert faults == []
    assert link[2] not in (front.nginx.folder / "access.log").read_text() + front.nginx.errors()


# Another site; another host, and another port, of the shop's own site, from where the browser does send the cookie.
@pytest.mark.parametrize("host", [EVIL, f"blog.{NAME}", NAME])
def test_a_page_of_another_origin_neither_reads_nor_writes(
    signed_in: Chromium, front: Front, elsewhere: int, host: str
) -> None:
    page, url = signed_in.context.new_page(), front.nginx.base
    before, cookies = len(front.heard), signed_in.context.cookies()

    page.goto(f"https://{host}:{elsewhere}/")
    seen = {tuple(answer) for answer in page.evaluate(FETCHES, url)}
    for path in ("/customers/logout", "/orders/", "/customer/login", "/api/customers/me/addresses"):
        page.goto(f"https://{host}:{elsewhere}/")
        with page.expect_navigation():
            page.evaluate(FORM, [url, path])
        assert '"error"' in page.locator("body").inner_text() or path == "/customers/logout"
    heard = len(front.heard) - before
    sent = signed_in.run("return (await fetch('/orders/', { method: 'POST', body: 'book' })).json()")
    own = signed_in.run("return (await fetch('/api/customers/me')).json()")["data"]

    assert seen <= {("refused", ""), ("opaque", "")}
    assert signed_in.context.cookies() == cookies
    assert (own["full_name"], own["addresses"]) == ("Ann", [])
    assert heard == 0
    assert (sent["body"], sent["headers"]["x-customer-uuid"]) == ("book", own["uuid"])
