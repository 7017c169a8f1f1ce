"""The shop's page in Chromium over HTTP/2: a reset, its cookie; and what pages of other origins can do: nothing."""

import re
import ssl
from collections.abc import Iterator

import pytest

from tests.conftest import PASSWORD
from tests.deploy.answering import answering
from tests.deploy.browsers import EVIL, Chromium
from tests.deploy.front import Front
from tests.deploy.nginx import NAME
from tests.support.service import wait_until
from tests.support.smtp import MailServer

# What a page of another origin tries, returning what it got to see. "no-cors" sends without asking first.
FETCH = """async ([url, method, path, body, mode]) => {
    try {
        const headers = { "Content-Type": mode === "no-cors" ? "text/plain" : "application/json" };
        const sent = body ? { headers, body: JSON.stringify(body) } : {};
        const answer = await fetch(url + path, { method, mode, credentials: "include", ...sent });
        return [answer.type, await answer.text()];
    } catch (error) { return ["refused", ""]; }
}"""
FORM = """([url, path]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: url + path });
    form.enctype = "text/plain";
    form.append(Object.assign(document.createElement("input"), { name: "{}", value: "x" }));
    document.body.append(form);
    form.submit();
}"""
TRIED = [
    ("GET", "/api/customers/me", None, "cors"),
    ("PATCH", "/api/customers/me", {"full_name": "Evil"}, "cors"),
    ("DELETE", "/api/customers/me", {}, "cors"),
    ("GET", "/api/customers/me", None, "no-cors"),
    *(
        ("POST", path, {"address_1": "Evil Street"}, mode)
        for path in ("/api/customers/me/addresses", "/customers/logout", "/orders/")
        for mode in ("cors", "no-cors")
    ),
]


@pytest.fixture(scope="module")
def elsewhere(front: Front) -> Iterator[int]:
    """Return the port of an empty page, over TLS: with plain HTTP no page would be of the shop's site to a browser."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(front.nginx.certificate, front.nginx.key)
    page = b"<!doctype html><title>Elsewhere</title><body>"
    with answering(lambda *_: (200, "text/html", page), context) as port:
        yield port


@pytest.fixture
def signed_in(chromium: Chromium, front: Front, request: pytest.FixtureRequest) -> Chromium:
    """Return a customer who has just signed in."""
    email = f"{abs(hash(request.node.name))}@example.com"
    front.register(email)
    chromium.visit(f"{front.nginx.base}/")
    chromium.send("login", email=email, password=PASSWORD)
    chromium.reads("You are signed in.")
    return chromium


def test_the_link_of_a_mail_sets_a_password_and_its_secret_is_in_no_log_of_nginx(
    chromium: Chromium, mails: MailServer, front: Front
) -> None:
    page, faults, email = chromium.page, list[str](), "forgetful@example.com"
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    front.register(email)
    chromium.visit(f"{front.nginx.base}/")
    assert chromium.run("return performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"

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


def test_the_cookie_is_the_hosts_secure_and_out_of_reach_of_the_page(signed_in: Chromium) -> None:
    (cookie,) = signed_in.context.cookies()

    assert (cookie["name"], cookie["domain"], cookie["path"]) == ("__Host-customers", NAME, "/")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    assert signed_in.run("return document.cookie") == ""


# Another site; another host, and another port, of the shop's own site, from where the browser does send the cookie.
@pytest.mark.parametrize("host", [EVIL, f"blog.{NAME}", NAME])
def test_a_page_of_another_origin_can_neither_read_nor_write(
    signed_in: Chromium, front: Front, elsewhere: int, host: str
) -> None:
    page, url = signed_in.context.new_page(), front.nginx.base
    before, cookies = len(front.heard), signed_in.context.cookies()

    page.goto(f"https://{host}:{elsewhere}/")
    seen = {tuple(page.evaluate(FETCH, [url, *tried])) for tried in TRIED}
    for path in ("/customers/logout", "/orders/", "/customer/login", "/api/customers/me/addresses"):
        page.goto(f"https://{host}:{elsewhere}/")
        with page.expect_navigation():
            page.evaluate(FORM, [url, path])
        assert '"error"' in page.locator("body").inner_text() or path == "/customers/logout"

    assert seen <= {("refused", ""), ("opaque", "")}
    assert signed_in.context.cookies() == cookies
    own = signed_in.run("return (await fetch('/api/customers/me')).json()")["data"]
    assert (own["full_name"], own["addresses"]) == ("Ann", [])
    assert len(front.heard) == before


def test_a_page_of_the_shop_may_write_to_the_other_backend(signed_in: Chromium) -> None:
    sent = signed_in.run("return (await fetch('/orders/', { method: 'POST', body: 'book' })).json()")

    assert sent["body"] == "book"
    assert len(sent["headers"]["x-customer-uuid"]) == 36
