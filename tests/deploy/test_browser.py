"""A customer's way through the shop's page in Chromium over HTTP/2; and what pages of other origins can do: nothing."""

import re
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import PASSWORD
from tests.deploy.chromium import EVIL
from tests.deploy.front import Front
from tests.deploy.nginx import NAME
from tests.support.service import wait_until
from tests.support.smtp import MailServer

NEW_PASSWORD = "staple correct horse"
COOKIE = "__Host-customers"

# What pages of another origin try, each returning what it got to see. "no-cors" sends without asking first.
READ = """async ([url, mode]) => {
    try {
        const answer = await fetch(url + "/api/customers/me", { credentials: "include", mode });
        return [answer.type, await answer.text()];
    } catch (error) { return ["refused", ""]; }
}"""
WRITE = """async ([url, method, path, body, mode]) => {
    try {
        const type = mode === "no-cors" ? "text/plain" : "application/json";
        const answer = await fetch(url + path, {
            method, mode, credentials: "include", headers: { "Content-Type": type }, body: JSON.stringify(body),
        });
        return [answer.type, await answer.text()];
    } catch (error) { return ["refused", ""]; }
}"""
FORM = """([url, path, name]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: url + path });
    form.enctype = "text/plain";
    form.append(Object.assign(document.createElement("input"), { name, value: "x" }));
    document.body.append(form);
    form.submit();
}"""


@pytest.fixture(scope="module")
def elsewhere(front: Front) -> Iterator[int]:
    """Return the port of an empty page, over TLS: with plain HTTP no page would be of the shop's site to a browser."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Elsewhere</title><body>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(front.nginx.folder / "shop.pem", front.nginx.folder / "shop.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def window(chromium: Browser, front: Front) -> Iterator[BrowserContext]:
    """Return a window of its own, in which nothing may go wrong unseen."""
    context = chromium.new_context(base_url=front.nginx.base, ignore_https_errors=True)  # the certificate is self-made
    context.set_default_timeout(15_000)
    yield context
    context.close()


class Shopper:
    """A customer at the shop's page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def send(self, form: str, **values: str) -> None:
        """Fill in a form and send it."""
        for name, value in values.items():
            self.page.locator(f"#{form} [name={name}]").fill(value)
        self.page.locator(f"#{form} button").click()

    def reads(self, text: str) -> None:
        """See that the page says so."""
        expect(self.page.locator("#notice")).to_contain_text(text)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in, on the page as it stands."""
        self.send("login", email=email, password=password)
        self.reads("You are signed in.")


@pytest.fixture
def shopper(window: BrowserContext) -> Shopper:
    page = window.new_page()
    page.goto("/")
    return Shopper(page)


@pytest.fixture
def signed_in(shopper: Shopper, front: Front, request: pytest.FixtureRequest) -> Shopper:
    """Return a customer who has just signed in."""
    email = f"{abs(hash(request.node.name))}@example.com"
    front.register(email)
    shopper.sign_in(email)
    return shopper


def test_a_customer_registers_signs_in_edits_adds_an_address_resets_the_password_and_signs_out(
    window: BrowserContext, mails: MailServer, front: Front
) -> None:
    page, faults = window.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    shopper, email = Shopper(page), "shopper@example.com"
    page.goto("/")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"

    shopper.send("register", full_name="Ann Shopper", email=email, password=PASSWORD)
    shopper.reads("Your account is there.")
    shopper.send("login", email=email, password="wrong password")
    shopper.reads("The e-mail address or the password is wrong")
    shopper.sign_in(email)
    expect(page.locator("#profile [name=full_name]")).to_have_value("Ann Shopper")
    shopper.send("profile", full_name="Ann A. Shopper")
    shopper.reads("Saved.")
    shopper.send(
        "address", full_name="Ann", address_1="1 Main Street", postcode="62701", city="", province="IL", country="us"
    )
    shopper.reads("The address is added.")
    page.reload()
    expect(page.locator("#profile [name=full_name]")).to_have_value("Ann A. Shopper")
    expect(page.locator("#addresses li")).to_have_text("Ann, 1 Main Street, 62701, US")
    page.locator("#logout").click()
    shopper.reads("You are signed out.")
    expect(page.locator("#login")).to_be_visible()

    shopper.send("forgotten", email=email)
    shopper.reads("a mail is on its way")
    wait_until(lambda: email in mails.recipients)
    (mail,) = [mail for mail in mails.mails if mail.recipients == [email]]
    link = re.search(r"https://shop\.example(/reset-password#token=[A-Za-z0-9_-]{40,})", mail.part("plain"))
    assert link
    page.goto("about:blank")
    page.goto(link[1])
    shopper.send("reset", password=NEW_PASSWORD)
    shopper.reads("Your password is changed.")
    assert page.url == f"{front.nginx.base}/"
    shopper.send("login", email=email, password=PASSWORD)
    shopper.reads("The e-mail address or the password is wrong")
    shopper.sign_in(email, NEW_PASSWORD)

    assert faults == []
    token = link[1].split("=")[1]
    assert token not in (front.nginx.folder / "access.log").read_text() + front.nginx.errors()


def test_the_cookie_is_the_hosts_secure_and_out_of_reach_of_the_page(signed_in: Shopper) -> None:
    (cookie,) = signed_in.page.context.cookies()

    assert (cookie["name"], cookie["domain"], cookie["path"]) == (COOKIE, NAME, "/")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    assert signed_in.page.evaluate("document.cookie") == ""


def own_account(shopper: Shopper) -> tuple[str, list[str]]:
    """Return the name and the addresses that are stored."""
    shopper.page.goto("/")
    answer = shopper.page.evaluate("async () => (await fetch('/api/customers/me')).json()")["data"]
    return answer["full_name"], [address["address_1"] for address in answer["addresses"]]


# Another site; another host, and another port, of the shop's own site, from where the browser does send the cookie.
OTHERS = [EVIL, f"blog.{NAME}", NAME]


@pytest.mark.parametrize("host", OTHERS)
def test_a_page_of_another_origin_can_neither_read_nor_write(
    signed_in: Shopper, front: Front, elsewhere: int, host: str
) -> None:
    page, url = signed_in.page.context.new_page(), front.nginx.base
    page.goto(f"https://{host}:{elsewhere}/")
    before = len(front.backend.requests)

    seen = [page.evaluate(READ, [url, mode]) for mode in ("cors", "no-cors")]
    for mode in ("cors", "no-cors"):
        for method, path, body in (
            ("POST", "/api/customers/me/addresses", {"address_1": "Evil Street"}),
            ("POST", "/customers/logout", {}),
            ("POST", "/orders/", {"everything": 1}),
            *([("PATCH", "/api/customers/me", {"full_name": "Evil"})] if mode == "cors" else []),
            *([("DELETE", "/api/customers/me", {})] if mode == "cors" else []),
        ):
            seen.append(page.evaluate(WRITE, [url, method, path, body, mode]))

    assert {(kind, text) for kind, text in seen} <= {("refused", ""), ("opaque", "")}
    assert own_account(signed_in) == ("Ann Customer", [])
    assert len(front.backend.requests) == before


@pytest.mark.parametrize("host", OTHERS)
@pytest.mark.parametrize("path", ["/customers/logout", "/orders/", "/customer/login", "/api/customers/me/addresses"])
def test_nor_does_a_form_of_its_do_anything(
    signed_in: Shopper, front: Front, elsewhere: int, host: str, path: str
) -> None:
    page = signed_in.page.context.new_page()
    page.goto(f"https://{host}:{elsewhere}/")
    before, cookies = len(front.backend.requests), signed_in.page.context.cookies()

    with page.expect_navigation():
        page.evaluate(FORM, [front.nginx.base, path, "{}"])

    assert '"error"' in page.locator("body").inner_text() or path == "/customers/logout"
    assert signed_in.page.context.cookies() == cookies
    assert own_account(signed_in) == ("Ann Customer", [])
    assert len(front.backend.requests) == before


def test_a_page_of_the_shop_may_write_to_the_other_backend(signed_in: Shopper, front: Front) -> None:
    sent = signed_in.page.evaluate("async () => (await fetch('/orders/', { method: 'POST', body: 'book' })).json()")

    assert sent["body"] == "book"
    assert len(sent["headers"]["x-customer-uuid"]) == 36
