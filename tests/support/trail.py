"""What tests of the audit trail stand on: a shop in which every act can be done, and what it has left behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.builders import NEW_PASSWORD, address_of, group_of, reset_token, session_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.html import Visitor

WRONG_PASSWORD = "not the password"
TOKEN = "a-reset-token-as-in-a-mail"
AGENT = "Tester/1.0"
REQUEST = "request-4711"
ENTRIES = """
    SELECT event, actor_kind, actor_uuid::text, subject_kind, subject_uuid::text, host(ip) AS ip, user_agent,
           request_id, details, created_at > now() - interval '1 minute' AS is_new
      FROM audit_log
     ORDER BY audit_log_id
"""


def marked(client: CheckingClient) -> CheckingClient:
    """Have a client name itself and its requests."""
    client.environ_base |= {"HTTP_USER_AGENT": AGENT, "HTTP_X_REQUEST_ID": REQUEST, "REMOTE_ADDR": "203.0.113.9"}
    return client


class Shop:
    """A customer with an address and two sessions, a group, an admin by header and on the pages, and the operator."""

    def __init__(self, app: Flask, db: Db, folder: Path, customer: Account, admin: Account, visitor: Visitor) -> None:
        self.app, self.db, self.folder = app, db, folder
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

    def run(self, *args: str, stdin: str | None = None) -> Result:
        """Run a command."""
        return self.app.test_cli_runner().invoke(args=args, input=stdin)

    def load(self, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
        """Import customers."""
        file = self.folder / "customers"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.run("import-customers", str(file), *options)

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
        """Return what has been recorded."""
        return self.db.all(ENTRIES)


@pytest.fixture
def shop(
    make_app: Callable[..., Flask], db: Db, tmp_path: Path, make_customer: Callable[..., Account], admin: Account
) -> Shop:
    """Return a shop that can send mail."""
    app = make_app(smtp_url="smtp://127.0.0.1:9")
    made = make_customer()
    customer = Account(app, made.uuid, made.email, made.sid)
    staff = Account(app, admin.uuid, admin.email, admin.sid)
    visitor = Visitor(app)
    visitor.sign_in(staff.email)
    for client in (customer.client, staff.client, visitor.client):
        marked(client)
    return Shop(app, db, tmp_path, customer, staff, visitor)
