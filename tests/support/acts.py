"""Every act of which the security log has a line: how it is done to a shop, and what is recorded of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.conftest import ADDRESS, PASSWORD
from tests.support.builders import NEW, NEW_PASSWORD
from tests.support.trail import TOKEN, WRONG_PASSWORD, Shop

WRONG = {"password": WRONG_PASSWORD}


class Act(NamedTuple):
    """Something that is done to a shop, by whom, on whom, and what is recorded of it."""

    do: Callable[[Shop], Any]
    actor: str
    subject: str | None  # "customer", "admin", "group", "new": somebody who was not there before
    event: str
    details: dict[str, Any] = {}
    is_a_row: bool = True  # in the audit trail; else a line in the log alone


def login(shop: Shop, kind: str, **changes: str) -> Any:
    account, path = (shop.customer, "/customer/login") if kind == "customer" else (shop.admin, "/admin/user/login")
    return shop.anonymous.post(path, json={"email": account.email, "password": PASSWORD, **changes})


def logout(shop: Shop, path: str, sid: str) -> Any:
    return shop.anonymous.post(path, headers={"X-Session-ID": sid})


def operator(shop: Shop, *args: str) -> Any:
    return shop.run("create-admin", *args, "--password-stdin", stdin=f"{NEW_PASSWORD}\n")


def disable(shop: Shop) -> Any:
    shop.db.execute("UPDATE customer SET status = 0")
    return login(shop, "customer")


ENDED = {"sessions_ended": 1}
ANYTHING = object()
CHANGED = {"address": ANYTHING, "fields": ["city"]}

ACTS = {
    "customer logs in": Act(lambda s: login(s, "customer"), "customer", "customer", "login_succeeded"),
    "admin logs in": Act(lambda s: login(s, "admin"), "admin", "admin", "login_succeeded"),
    "admin logs in on the page": Act(lambda s: s.visitor.sign_in(s.admin.email), "admin", "admin", "login_succeeded"),
    "customer with a wrong password": Act(
        lambda s: login(s, "customer", **WRONG), "anonymous", "customer", "login_failed", {"kind": "customer"}
    ),
    "disabled customer": Act(disable, "anonymous", "customer", "login_failed", {"kind": "customer"}),
    "unknown customer": Act(
        lambda s: login(s, "customer", email="nobody@example.com"),
        *("anonymous", None, "login_failed", {"kind": "customer"}),
    ),
    "admin with a wrong password": Act(
        lambda s: login(s, "admin", **WRONG), "anonymous", "admin", "login_failed", {"kind": "admin"}
    ),
    "customer logs out": Act(
        lambda s: logout(s, "/customers/logout", s.customer.sid), "customer", "customer", "logged_out"
    ),
    "admin logs out": Act(lambda s: logout(s, "/admin/user/logout", s.admin.sid), "admin", "admin", "logged_out"),
    "registration": Act(
        lambda s: s.anonymous.post("/api/customers", json=NEW), "anonymous", "new", "customer_registered"
    ),
    "registration from a browser that is signed in": Act(
        lambda s: s.customer.client.post("/api/customers", json=NEW), "anonymous", "new", "customer_registered"
    ),
    "admin creates": Act(lambda s: s.admin.client.post("/api/customers", json=NEW), "admin", "new", "customer_created"),
    "own name": Act(
        lambda s: s.customer.client.patch(s.path, json={"full_name": "Other"}),
        *("customer", "customer", "customer_updated", {"fields": ["full_name"]}),
    ),
    "admin changes a name": Act(
        lambda s: s.admin.client.patch(s.path, json={"full_name": "Other", "status": 1}),
        *("admin", "customer", "customer_updated", {"fields": ["full_name"]}),
    ),
    "admin changes a name on the page": Act(
        lambda s: s.visitor.send(s.page, full_name="Other"),
        *("admin", "customer", "customer_updated", {"fields": ["full_name"]}),
    ),
    "admin changes it to what it is": Act(
        lambda s: s.admin.client.patch(s.path, json={"status": 1}),
        *("admin", "customer", "customer_updated", {"fields": []}),
    ),
    "own password by PATCH": Act(
        lambda s: s.customer.client.patch("/api/customers/me", json={"password": NEW_PASSWORD}),
        *("customer", "customer", "password_changed", ENDED),
    ),
    "own password by the current one": Act(
        lambda s: s.customer.client.post(
            "/api/customers/me/password", json={"current_password": PASSWORD, "password": NEW_PASSWORD}
        ),
        *("customer", "customer", "password_changed", ENDED),
    ),
    "own password by a wrong one": Act(
        lambda s: s.customer.client.post(
            "/api/customers/me/password", json={"current_password": WRONG_PASSWORD, "password": NEW_PASSWORD}
        ),
        *("customer", "customer", "current_password_failed", {"kind": "customer"}),
    ),
    "admin gives a password": Act(
        lambda s: s.admin.client.patch(s.path, json={"password": NEW_PASSWORD}),
        *("admin", "customer", "password_changed", {"sessions_ended": 2}),
    ),
    "own e-mail": Act(
        lambda s: s.customer.client.patch(s.path, json={"email": "b@example.com"}),
        "customer",
        "customer",
        "email_changed",
    ),
    "admin changes an e-mail": Act(
        lambda s: s.admin.client.patch(s.path, json={"email": "b@example.com"}), "admin", "customer", "email_changed"
    ),
    "admin disables": Act(
        lambda s: s.admin.client.patch(s.path, json={"status": 0}),
        *("admin", "customer", "status_changed", {"from": 1, "to": 0, "sessions_ended": 2}),
    ),
    "admin changes the group": Act(
        lambda s: s.admin.client.patch(s.path, json={"group_id": s.group_id}),
        *("admin", "customer", "group_changed", {"from": 1, "to": ANYTHING}),
    ),
    "a link is asked for": Act(
        lambda s: s.anonymous.post("/api/customers/reset-password", json={"email": s.customer.email}),
        *("anonymous", None, "password_reset_requested", {"outbox_mail_id": ANYTHING}),
    ),
    "a link is asked for by nobody": Act(
        lambda s: s.anonymous.post("/api/customers/reset-password", json={"email": "nobody@example.com"}),
        *("anonymous", None, "password_reset_requested", {"outbox_mail_id": ANYTHING}),
    ),
    "admin has a link sent": Act(
        lambda s: s.visitor.send(s.page, f"{s.page}/password-mail"),
        *("admin", "customer", "password_reset_requested", {"outbox_mail_id": ANYTHING}),
    ),
    "password by token": Act(
        lambda s: s.anonymous.post("/api/customers/password", json={"token": TOKEN, "password": NEW_PASSWORD}),
        *("anonymous", "customer", "password_reset", {"sessions_ended": 2}),
    ),
    "one of one's sessions": Act(
        lambda s: s.customer.client.delete(f"{s.path}/sessions/{s.session}"),
        *("customer", "customer", "sessions_ended", ENDED),
    ),
    "one's other sessions": Act(
        lambda s: s.customer.client.delete(f"{s.path}/sessions"), "customer", "customer", "sessions_ended", ENDED
    ),
    "admin ends a session": Act(
        lambda s: s.admin.client.delete(f"{s.path}/sessions/{s.session}"),
        *("admin", "customer", "sessions_ended", ENDED),
    ),
    "admin ends all sessions": Act(
        lambda s: s.admin.client.delete(f"{s.path}/sessions"),
        *("admin", "customer", "sessions_ended", {"sessions_ended": 2}),
    ),
    "own account goes": Act(lambda s: s.customer.client.delete(s.path), "customer", "customer", "customer_deleted"),
    "admin deletes": Act(lambda s: s.admin.client.delete(s.path), "admin", "customer", "customer_deleted"),
    "admin reads all": Act(lambda s: s.admin.client.get(f"{s.path}/export"), "admin", "customer", "customer_exported"),
    "own address added": Act(
        lambda s: s.customer.client.post(f"{s.path}/addresses", json=ADDRESS),
        *("customer", "customer", "address_created", {"address": ANYTHING}, False),
    ),
    "admin changes an address of one": Act(
        lambda s: s.admin.client.patch(f"{s.path}/addresses/{s.address}", json={"city": "Elsewhere"}),
        *("admin", "customer", "address_updated", CHANGED, False),
    ),
    "admin deletes an address": Act(
        lambda s: s.admin.client.delete(f"{s.path}/addresses/{s.address}"),
        *("admin", "customer", "address_deleted", {"address": ANYTHING}, False),
    ),
    "admin creates a group": Act(
        lambda s: s.admin.client.post("/api/customer-groups", json={"group_name": "B"}), "admin", "new", "group_created"
    ),
    "admin renames a group": Act(
        lambda s: s.admin.client.patch(f"/api/customer-groups/{s.group}", json={"group_name": "B"}),
        *("admin", "group", "group_renamed"),
    ),
    "admin deletes a group on the page": Act(
        lambda s: s.visitor.send(f"/admin/groups/{s.group}", f"/admin/groups/{s.group}/delete"),
        *("admin", "group", "group_deleted", {"customers_moved": 0}),
    ),
    "operator makes an admin": Act(
        lambda s: operator(s, "b@example.com", "--full-name", "B"), "operator", "new", "admin_created"
    ),
    "operator gives an admin a password": Act(
        lambda s: operator(s, s.admin.email, "--reset-password"),
        *("operator", "admin", "admin_password_reset", {"sessions_ended": 2}),
    ),
    "operator imports": Act(lambda s: s.load(NEW), "operator", None, "customers_imported", {"added": 1, "updated": 0}),
    "operator imports a change": Act(
        lambda s: s.load({"email": s.customer.email, "full_name": "B"}, options=("--update",)),
        *("operator", None, "customers_imported", {"added": 0, "updated": 1}),
    ),
    "operator exports": Act(
        lambda s: s.run("export-customers", "--format", "csv", "--email", s.customer.email),
        *(
            "operator",
            None,
            "customers_exported",
            {"filters": ["email"], "with_hashes": False, "with_addresses": False},
        ),
    ),
}
