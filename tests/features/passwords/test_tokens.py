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

PATH = "/api/customers/password"


def use(client: CheckingClient, token: str) -> Any:
    return client.post(PATH, json={"token": token, "password": NEW_PASSWORD})


def page(app: Flask, admin: Account, customer: Account, **form: str) -> None:
    """Change a customer on the staff's page."""
    visitor = Visitor(app)
    visitor.sign_in(admin.email)
    visitor.send(f"/admin/customers/edit/{customer.uuid}", **form)


def patch(by: Account, customer: Account, **changes: object) -> None:
    data_of(by.client.patch(customer.path, json=changes))


def end_on_the_page(app: Flask, admin: Account, customer: Account) -> None:
    visitor = Visitor(app)
    visitor.sign_in(admin.email)
    edit = f"/admin/customers/edit/{customer.uuid}"
    visitor.send(edit, f"{edit}/sessions/end")


# What changes who owns an account; if two things are named, the second takes the first back.
Change = Callable[[Flask, Account, Account, Db], object]
CHANGES: dict[str, list[Change]] = {
    "the owner's new e-mail, taken back by an admin": [
        lambda app, customer, admin, db: patch(customer, customer, email="new@example.com"),
        lambda app, customer, admin, db: patch(admin, customer, email=customer.email),
    ],
    "an admin's new e-mail": [
        lambda app, customer, admin, db: patch(admin, customer, email="new@example.com"),
        lambda app, customer, admin, db: patch(admin, customer, email=customer.email),
    ],
    "a new e-mail on the page": [
        lambda app, customer, admin, db: page(app, admin, customer, email="new@example.com"),
        lambda app, customer, admin, db: page(app, admin, customer, email=customer.email),
    ],
    "another program's new e-mail": [
        lambda app, customer, admin, db: db.execute("UPDATE customer SET email = 'x' WHERE uuid = %s", customer.uuid),
        lambda app, customer, admin, db: db.execute("UPDATE customer SET email = 'y' WHERE uuid = %s", customer.uuid),
    ],
    "an account disabled": [
        lambda app, customer, admin, db: patch(admin, customer, status=0),
        lambda app, customer, admin, db: patch(admin, customer, status=1),
    ],
    "a new password": [lambda app, customer, admin, db: patch(admin, customer, password="given by an admin")],
    "all sessions ended by an admin": [
        lambda app, customer, admin, db: done(admin.client.delete(f"{customer.path}/sessions"))
    ],
    "all sessions ended on the page": [lambda app, customer, admin, db: end_on_the_page(app, admin, customer)],
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_who_owns_an_account_makes_its_secrets_useless_for_good(
    app: Flask, customer: Account, admin: Account, make_customer: Callable[..., Account], db: Db, change: str
) -> None:
    """Cause: a secret outlived the e-mail it was sent to, changed and changed back. Cure: a trigger deletes it.

    An admin's end of all sessions deletes it, too.
    """
    bystanders = reset_token(db, make_customer(), "a bystander's")
    token = reset_token(db, customer)

    for act in CHANGES[change]:
        act(app, customer, admin, db)

    refused(use(new_client(app), token), 400, "invalid_token")
    done(use(new_client(app), bystanders))


def test_what_changes_no_owner_leaves_a_secret_as_it_is(app: Flask, customer: Account, admin: Account, db: Db) -> None:
    token = reset_token(db, customer)
    log_in(new_client(app), customer.email)
    patch(customer, customer, full_name="Other", email=customer.email)
    patch(admin, customer, status=1, group_id=1)
    done(customer.client.delete(f"{customer.path}/sessions"))
    page(app, admin, customer, full_name="Another")

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
