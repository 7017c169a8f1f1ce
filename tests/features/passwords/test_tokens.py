"""To which state of an account the secret of a reset mail belongs (CONTRACT section 8)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import NEW_PASSWORD, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.html import Visitor
from tests.support.threads import overtaken


def use(client: CheckingClient, token: str) -> Any:
    return client.post("/api/customers/password", json={"token": token, "password": NEW_PASSWORD})


class Ways:
    """The ways in which a customer is changed: by the owner, by an admin, on the staff's page, by another program."""

    def __init__(self, app: Flask, customer: Account, admin: Account, db: Db) -> None:
        self.app, self.customer, self.admin, self.db = app, customer, admin, db

    def owner(self, **changes: object) -> None:
        data_of(self.customer.client.patch(self.customer.path, json=changes))

    def staff(self, **changes: object) -> None:
        data_of(self.admin.client.patch(self.customer.path, json=changes))

    def page(self, action: str = "", **form: str) -> None:
        visitor = Visitor(self.app)
        visitor.sign_in(self.admin.email)
        edit = f"/admin/customers/edit/{self.customer.uuid}"
        visitor.send(edit, f"{edit}{action}", **form)

    def program(self, **changes: str) -> None:
        for column, value in changes.items():
            self.db.execute(f"UPDATE customer SET {column} = %s WHERE uuid = %s", value, self.customer.uuid)


@pytest.fixture
def ways(app: Flask, customer: Account, admin: Account, db: Db) -> Ways:
    return Ways(app, customer, admin, db)


NEW, OLD = {"email": "new@example.com"}, {"email": "customer1@example.com"}
# What changes who owns an account; the second act takes the first back.
CHANGES: dict[str, list[Callable[[Ways], object]]] = {
    "the owner's new e-mail, taken back by an admin": [lambda by: by.owner(**NEW), lambda by: by.staff(**OLD)],
    "an admin's new e-mail": [lambda by: by.staff(**NEW), lambda by: by.staff(**OLD)],
    "a new e-mail on the page": [lambda by: by.page(**NEW), lambda by: by.page(**OLD)],
    "another program's new e-mail": [lambda by: by.program(**NEW), lambda by: by.program(**OLD)],
    "an account disabled": [lambda by: by.staff(status=0), lambda by: by.staff(status=1)],
    "a new password": [lambda by: by.staff(password="given by an admin")],
    "all sessions ended by an admin": [lambda by: done(by.admin.client.delete(f"{by.customer.path}/sessions"))],
    "all sessions ended on the page": [lambda by: by.page("/sessions/end")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_who_owns_an_account_makes_its_secrets_useless_for_good(
    app: Flask, ways: Ways, other: Account, db: Db, change: str
) -> None:
    """Cause: a secret outlived the e-mail it was sent to, changed and changed back. Cure: a trigger deletes it."""
    bystanders = reset_token(db, other, "a bystander's")
    token = reset_token(db, ways.customer)

    for act in CHANGES[change]:
        act(ways)

    refused(use(new_client(app), token), 400, "invalid_token")
    done(use(new_client(app), bystanders))


def test_what_changes_no_owner_leaves_a_secret_as_it_is(app: Flask, ways: Ways, db: Db) -> None:
    token = reset_token(db, ways.customer)
    log_in(new_client(app), ways.customer.email)
    ways.owner(full_name="Other", email=ways.customer.email)
    ways.staff(status=1, group_id=1)
    done(ways.customer.client.delete(f"{ways.customer.path}/sessions"))
    ways.page(full_name="Another")

    done(use(new_client(app), token))


def test_an_account_disabled_while_the_new_password_is_hashed_keeps_the_old_one(
    client: CheckingClient, customer: Account, database: str, db: Db
) -> None:
    """The token is looked at before the hash is made; what the account is by then, only the write itself can tell."""
    token = reset_token(db, customer)
    before = db.one("SELECT password FROM customer")

    late = overtaken(database, db, "UPDATE customer SET status = 0", lambda: use(client, token))

    refused(late, 400, "invalid_token")
    assert db.one("SELECT password FROM customer") == before
