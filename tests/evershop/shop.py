"""EverShop as tests meet it: its cookies, rows and pages, and a browser for which it and this service are one site."""

import http.client
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from flask import Flask

from customers.evershop import signature
from tests.conftest import Account, log_in, new_client
from tests.support.builders import CUSTOMERS, ME
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.service import wait_until

SECRET = "a cookie secret of at least forty bytes!"
ZONE = "America/Bogota"  # the shop's and the database's: not UTC, and its clocks never change
ADMIN = "admin@example.com"  # of the fixture
COOKIES = ("customers", "sid", "asid")
# Where a page, EverShop's API and this service tell who is signed in.
_WHERE = {"customer": ("/", "/api/graphql", ME), "admin": ("/admin", "/api/admin/graphql", CUSTOMERS)}


def signed(sid: str, secret: str = SECRET) -> str:
    """Return the value of EverShop's cookie for a sid; test_cookies.py has values that its own packages have made."""
    return signature.sign(sid, secret)


def command(app: Flask, *words: str) -> None:
    """Run a command of the operator."""
    done = app.test_cli_runner().invoke(args=words)
    assert done.exit_code == 0, done.output


def customer_id(db: Db, account: Account) -> int:
    return int(db.one("SELECT customer_id FROM customer WHERE uuid = %s", account.uuid)["customer_id"])


def evershop_session(db: Db, expire: str = "now() + interval '1 day'", **keys: Any) -> str:
    """Store a session as EverShop does; return its sid."""
    sid = secrets.token_urlsafe(24)
    cookie = {"originalMaxAge": 86_400_000, "expires": "2099-01-01T00:00:00.000Z", "httpOnly": True, "path": "/"}
    sess = json.dumps({"cookie": cookie, "notifications": [], **keys})
    db.execute(f"INSERT INTO session (sid, sess, expire) VALUES (%s, %s, {expire})", sid, sess)
    return sid


def holding(app: Flask, cookie: str, name: str = "sid") -> CheckingClient:
    """Return a client that has one cookie, and no other."""
    client = new_client(app)
    client.set_cookie(name, cookie)
    return client


def signed_in_there(app: Flask, db: Db, customer: Account) -> CheckingClient:
    """Return a client whom EverShop has signed in, and whom this service does not know so far."""
    return holding(app, signed(evershop_session(db, customerID=customer_id(db, customer))))


def sessions(db: Db, kind: str = "customer") -> list[dict[str, Any]]:
    """Return the sessions here of a kind of account, the oldest first, beside EverShop's that are linked to them."""
    return db.all(
        "SELECT uuid::text, evershop_digest, created_at, expires_at, sid, sess::text, expire::timestamptz"
        "  FROM login_session LEFT JOIN session ON sess ->> 'customersSession' = uuid::text"
        f" WHERE {'admin_user_id' if kind == 'admin' else 'customer_id'} IS NOT NULL ORDER BY created_at"
    )


def signed_in(db: Db) -> list[dict[str, Any]]:
    """Return EverShop's sessions that say that a customer is signed in."""
    return db.all("SELECT sid FROM session WHERE sess ->> 'customerID' IS NOT NULL")


class Shop(NamedTuple):
    """A running EverShop, as far as its sessions go."""

    port: int

    def get(self, path: str, cookies: str = "") -> tuple[dict[str, Any], list[str]]:
        """Return what a path answers, nothing if it redirects, and the cookies that it sets."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", path, headers={"Cookie": cookies} if cookies else {})
            answer = connection.getresponse()
            body = answer.read()
        assert answer.status in (200, 302), body
        return (json.loads(body) if answer.status == 200 else {}), answer.headers.get_all("Set-Cookie", [])


class Browser:
    """A browser for which EverShop and this service are one site: it sends both the cookies that either has set."""

    def __init__(self, app: Flask, shop: Shop) -> None:
        self.ours, self.shop = new_client(app), shop

    def cookie(self, name: str = "sid") -> str | None:
        found = self.ours.get_cookie(name)
        return found.value if found else None

    def visit(self, path: str = "/") -> dict[str, Any]:
        """Return what a path of EverShop answers; nothing is a redirect."""
        sent = "; ".join(f"{name}={value}" for name in COOKIES if (value := self.cookie(name)))
        answer, cookies = self.shop.get(path, sent)
        for header in cookies:
            name, _, value = header.partition(";")[0].partition("=")
            self.ours.set_cookie(name, value)
        return answer

    def log_in(self, account: Account) -> str:
        return log_in(self.ours, account.email, path=account.login)

    def who(self, kind: str = "customer") -> set[str | None]:
        """Return whom EverShop's pages, its API and this service take for signed in: one element if they agree."""
        page, api, own = _WHERE[kind]
        seen = {self.visit(page).get("email"), self.visit(api)["email"]}
        answer = self.ours.get(own)
        if answer.status_code == 200:
            return {*seen, ADMIN if kind == "admin" else answer.get_json()["data"]["email"]}
        assert answer.status_code in (401, 403), answer.text  # 403: the other kind of account is signed in
        return {*seen, None}


@contextmanager
def on_its_way(browser: Browser, path: str) -> Iterator[None]:
    """Have a page of EverShop in another tab be made while the block runs; it has read its session before."""
    with ThreadPoolExecutor(1) as tab:
        page = tab.submit(browser.visit, path)
        wait_until(lambda: browser.shop.get("/held")[0]["count"])
        yield
        browser.shop.get("/release")
        page.result()
