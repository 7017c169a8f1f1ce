"""A shop in which every act can be done of which the security log has a line, and what is recorded of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from flask import Flask

from tests.conftest import ADDRESS, PASSWORD, POOLER, Account, MakeApp, log_in, new_client
from tests.support import bulk
from tests.support.builders import CUSTOMERS, GROUPS, NEW, NEW_PASSWORD, address_of, group_of, reset_token, session_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.html import Visitor
from tests.support.limits import WRONG as WRONG_PASSWORD

TOKEN = "a-reset-token-as-in-a-mail"
AGENT = "Tester/1.0"
REQUEST = "request-4711"


def marked(client: CheckingClient) -> CheckingClient:
    client.environ_base |= {"HTTP_USER_AGENT": AGENT, "HTTP_X_REQUEST_ID": REQUEST, "REMOTE_ADDR": "203.0.113.9"}
    return client


class Shop(bulk.Shop):
    """A customer with an address and two sessions, a group, an admin by header and on the pages, and the operator."""

    def __init__(self, app: Flask, db: Db, folder: Path, customer: Account, admin: Account, visitor: Visitor) -> None:
        super().__init__(app, db, folder)
        self.customer, self.admin, self.visitor = customer, admin, visitor
        self.anonymous = marked(new_client(app, use_cookies=False))
        self.address = address_of(customer).rpartition("/")[2]
        self.other_sid = log_in(self.anonymous, customer.email)
        group = group_of(admin)
        self.group, self.group_id = group["uuid"], group["customer_group_id"]
        reset_token(db, customer, TOKEN)
        self.path = customer.path
        self.page = f"/admin/customers/edit/{customer.uuid}"
        self.session = session_of(customer.client)
        db.empty_audit_log()

    def load_json(self, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
        if POOLER:
            pytest.skip("an import goes past the pooler, as docs/operations.md says")
        return super().load_json(*rows, options=options)

    def secrets(self) -> set[str]:
        """Return all that nobody else must know, and what the database knows it by."""
        stored = self.db.all("""
            SELECT password AS secret FROM customer
            UNION SELECT password FROM admin_user
            UNION SELECT token FROM reset_password_token
            UNION SELECT encode(digest, 'hex') FROM login_session
        """)
        typed = {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, TOKEN}
        return {row["secret"] for row in stored} | typed | {self.customer.sid, self.other_sid, self.admin.sid}

    def entries(self) -> list[dict[str, Any]]:
        return self.db.all("""
            SELECT event, actor_kind, actor_uuid::text, subject_kind, subject_uuid::text, host(ip) AS ip, user_agent,
                   request_id, details, created_at > now() - interval '1 minute' AS is_new
              FROM audit_log
             ORDER BY audit_log_id
        """)


@pytest.fixture
def shop(make_app: MakeApp, db: Db, tmp_path: Path, customer: Account, admin: Account) -> Shop:
    app = make_app(smtp_url="smtp://127.0.0.1:9")
    own, staff = (Account(app, each.uuid, each.email, each.sid) for each in (customer, admin))
    visitor = Visitor(app)
    visitor.sign_in(staff.email)
    for client in (own.client, staff.client, visitor.client):
        marked(client)
    return Shop(app, db, tmp_path, own, staff, visitor)


ANYTHING = object()
Details = dict[str, Any]


class Act(NamedTuple):
    """Something that is done to a shop, by whom, on whom, and what is recorded of it."""

    do: Callable[[Shop], Any]
    event: str
    details: Details = {}
    actor: str = "admin"
    subject: str | None = "customer"  # or "admin", "group", "new": somebody who was not there before
    is_a_row: bool = True  # in the audit trail; else a line in the log alone


def request(by: str, call: str, body: object, event: str, details: Details | None = None, **recorded: Any) -> Act:
    """Return an act that is one request; its path may name what the shop has."""

    def do(shop: Shop) -> Any:
        method, path = call.format(shop=shop).split()
        client = {"anonymous": shop.anonymous, "customer": shop.customer.client, "admin": shop.admin.client}[by]
        return client.open(path, method=method, json=body)

    return Act(do, event, details or {}, **{"actor": by, **recorded})


def login(email: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": email, "password": password}


def create_admin(shop: Shop, *args: str) -> Any:
    return shop.run("create-admin", *args, "--password-stdin", stdin=f"{NEW_PASSWORD}\n")


CUSTOMER, ADMIN = "customer1@example.com", "admin@example.com"
LOGIN, ADMIN_LOGIN, OWN_PASSWORD = "POST /customer/login", "POST /admin/user/login", f"POST {CUSTOMERS}/me/password"
PATCH, ADDRESS_PATH, SESSION = "PATCH {shop.path}", "{shop.path}/addresses/{shop.address}", "{shop.path}/sessions"
RESET, RESET_ASKED, REGISTER = f"POST {CUSTOMERS}/password", f"POST {CUSTOMERS}/reset-password", f"POST {CUSTOMERS}"
RENAMED, GIVEN = {"full_name": "Other"}, {"password": NEW_PASSWORD}
NAMED, KIND = {"fields": ["full_name"]}, {"kind": "customer"}
ENDED, BOTH_ENDED = {"sessions_ended": 1}, {"sessions_ended": 2}
MAIL, SOME_ADDRESS = {"outbox_mail_id": ANYTHING}, {"address": ANYTHING}

ACTS = {
    "customer logs in": request("anonymous", LOGIN, login(CUSTOMER), "login_succeeded", actor="customer"),
    "admin logs in": request("anonymous", ADMIN_LOGIN, login(ADMIN), "login_succeeded", actor="admin", subject="admin"),
    "wrong password": request("anonymous", LOGIN, login(CUSTOMER, WRONG_PASSWORD), "login_failed", KIND),
    "unknown customer": request("anonymous", LOGIN, login("x@y.zz"), "login_failed", KIND, subject=None),
    "customer logs out": request("customer", "POST /customers/logout", None, "logged_out"),
    "admin logs out": request("admin", "POST /admin/user/logout", None, "logged_out", subject="admin"),
    "registration": request("anonymous", REGISTER, NEW, "customer_registered", subject="new"),
    "registration by who is signed in": request(
        "customer", REGISTER, NEW, "customer_registered", actor="anonymous", subject="new"),
    "admin creates": request("admin", REGISTER, NEW, "customer_created", subject="new"),
    "own name": request("customer", PATCH, RENAMED, "customer_updated", NAMED),
    "admin changes a name": request("admin", PATCH, {**RENAMED, "status": 1}, "customer_updated", NAMED),
    "own password by PATCH": request("customer", PATCH, GIVEN, "password_changed", ENDED),
    "own password by the current one": request(
        "customer", OWN_PASSWORD, {**GIVEN, "current_password": PASSWORD}, "password_changed", ENDED),
    "own password by a wrong one": request(
        "customer", OWN_PASSWORD, {**GIVEN, "current_password": WRONG_PASSWORD}, "current_password_failed", KIND),
    "admin gives a password": request("admin", PATCH, GIVEN, "password_changed", BOTH_ENDED),
    "own e-mail": request("customer", PATCH, {"email": "b@example.com"}, "email_changed"),
    "admin disables": request("admin", PATCH, {"status": 0}, "status_changed", {"from": 1, "to": 0, **BOTH_ENDED}),
    "admin changes the group": Act(
        lambda s: s.admin.client.patch(s.path, json={"group_id": s.group_id}),
        *("group_changed", {"from": 1, "to": ANYTHING})),
    "a link is asked for": request(
        "anonymous", RESET_ASKED, {"email": CUSTOMER}, "password_reset_requested", MAIL, subject=None),
    "admin has a link sent": Act(
        lambda s: s.visitor.send(s.page, f"{s.page}/password-mail"), "password_reset_requested", MAIL),
    "password by token": request("anonymous", RESET, {**GIVEN, "token": TOKEN}, "password_reset", BOTH_ENDED),
    "one of one's sessions": request("customer", f"DELETE {SESSION}/{{shop.session}}", None, "sessions_ended", ENDED),
    "one's other sessions": request("customer", f"DELETE {SESSION}", None, "sessions_ended", ENDED),
    "admin ends all sessions": request("admin", f"DELETE {SESSION}", None, "sessions_ended", BOTH_ENDED),
    "own account goes": request("customer", "DELETE {shop.path}", None, "customer_deleted"),
    "admin reads all": request("admin", "GET {shop.path}/export", None, "customer_exported"),
    "own address added": request(
        "customer", "POST {shop.path}/addresses", ADDRESS, "address_created", SOME_ADDRESS, is_a_row=False),
    "admin changes an address": request(
        "admin", f"PATCH {ADDRESS_PATH}", {"city": "X"}, "address_updated", {**SOME_ADDRESS, "fields": ["city"]},
        is_a_row=False),
    "admin deletes an address": request(
        "admin", f"DELETE {ADDRESS_PATH}", None, "address_deleted", SOME_ADDRESS, is_a_row=False),
    "admin creates a group": request("admin", f"POST {GROUPS}", {"group_name": "B"}, "group_created", subject="new"),
    "admin renames a group": request(
        "admin", f"PATCH {GROUPS}/{{shop.group}}", {"group_name": "B"}, "group_renamed", subject="group"),
    "admin deletes a group on the page": Act(
        lambda s: s.visitor.send(f"/admin/groups/{s.group}", f"/admin/groups/{s.group}/delete"),
        *("group_deleted", {"customers_moved": 0}, "admin", "group")),
    "operator makes an admin": Act(
        lambda s: create_admin(s, "b@example.com", "--full-name", "B"), "admin_created", {}, "operator", "new"),
    "operator gives an admin a password": Act(
        lambda s: create_admin(s, ADMIN, "--reset-password"), "admin_password_reset", BOTH_ENDED, "operator", "admin"),
    "operator imports": Act(
        lambda s: s.load_json(NEW), "customers_imported", {"added": 1, "updated": 0}, "operator", None),
    "operator exports": Act(
        lambda s: s.run("export-customers", "--format", "csv", "--email", CUSTOMER), "customers_exported",
        *({"filters": ["email"], "with_hashes": False, "with_addresses": False}, "operator", None)),
}  # fmt: skip
