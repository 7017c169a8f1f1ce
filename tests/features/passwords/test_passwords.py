"""Which passwords, hashes and secrets of reset mails open an account, and until when."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bcrypt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, NEW_PASSWORD, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.html import Visitor

Make = Callable[..., Flask]
CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
PATH = f"{ME}/password"


def login(client: CheckingClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Send a login, whatever comes of it."""
    return client.post("/customer/login", json={"email": email, "password": password})


def test_a_new_password_ends_reset_tokens(client: CheckingClient, customer: Account, other: Account, db: Db) -> None:
    tokens = [reset_token(db, account, account.email) for account in (customer, other)]

    done(customer.client.post(PATH, json=CHANGE))

    refused(login(client, customer.email), 401, "invalid_credentials")
    log_in(client, customer.email, NEW_PASSWORD)
    uses = [{"token": token, "password": "set by the mail"} for token in tokens]
    assert [client.post("/api/customers/password", json=use).status_code for use in uses] == [400, 200]


def test_a_new_password_by_the_current_one_needs_no_recent_login(customer: Account, db: Db) -> None:
    db.execute("UPDATE login_session SET created_at = now() - interval '1 day'")

    done(customer.client.post(PATH, json=CHANGE))

    refused(customer.client.patch(ME, json={"password": "yet another one"}), 403, "login_again")


@pytest.mark.parametrize("current", ["wrong password", "", PASSWORD.upper(), f" {PASSWORD}", "x" * 5000])
def test_a_wrong_current_password_changes_nothing(
    client: CheckingClient, customer: Account, elsewhere: CheckingClient, db: Db, current: str
) -> None:
    reset_token(db, customer)

    refused(customer.client.post(PATH, json={**CHANGE, "current_password": current}), 403, "wrong_password")

    data_of(elsewhere.get(ME))
    assert db.one("SELECT count(*) FROM reset_password_token") == {"count": 1}
    log_in(client, customer.email)


def hashed(password: str, prefix: str = "2b", rounds: int = 4) -> str:
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()
    return f"${prefix}${made[4:]}"


def stored(db: Db) -> str:
    found: str = db.one("SELECT password FROM customer")["password"]
    return found


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
def test_hashes_made_elsewhere_open_at_any_cost(client: CheckingClient, customer: Account, db: Db, prefix: str) -> None:
    for password, rounds in (("from elsewhere", 4), ("123456", 6)):  # the second is short and common
        db.execute("UPDATE customer SET password = %s", hashed(password, prefix, rounds))
        log_in(client, customer.email, password)


def test_a_password_cut_at_72_bytes_still_opens(make_app: Make, customer: Account, db: Db) -> None:
    """And keeps its weak hash: a new one could not be made of the whole password."""
    made = hashed("ü" * 50, "2a")
    db.execute("UPDATE customer SET password = %s", made)

    log_in(new_client(make_app(bcrypt_rounds=5)), customer.email, "ü" * 50)

    assert stored(db) == made


def test_one_over_72_bytes_is_wrong_for_a_hash_of_this_service(client: CheckingClient, customer: Account) -> None:
    longest = "x" * 71 + "!"
    data_of(customer.client.patch(customer.path, json={"password": longest}))

    refused(login(client, customer.email, f"{longest}x"), 401, "invalid_credentials")
    log_in(client, customer.email, longest)


@pytest.mark.parametrize(("rounds", "renewed"), [(4, True), (5, False), (6, False)])
def test_a_hash_weaker_than_the_setting_is_renewed_at_the_next_login_and_no_other(
    make_app: Make, customer: Account, admin: Account, db: Db, rounds: int, renewed: bool
) -> None:
    made = hashed(PASSWORD, rounds=rounds)
    db.execute("UPDATE customer SET password = %s, updated_at = '2020-01-01'", made)
    client = new_client(make_app(bcrypt_rounds=5))

    log_in(client, customer.email)
    log_in(client, admin.email, path=admin.login)

    now = stored(db)
    assert (now != made, now.startswith("$2b$05$")) == (renewed, rounds < 6)
    assert db.one("SELECT password FROM admin_user")["password"].startswith("$2b$05$")
    data_of(customer.client.get(customer.path))
    log_in(client, customer.email)
    assert stored(db) == now
    assert db.one("SELECT updated_at < '2021-01-01' AS kept FROM customer") == {"kept": True}


def test_every_refused_login_costs_the_same_work_and_what_is_no_hash_opens_nothing(
    make_app: Make, customer: Account, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work of bcrypt is 2 ** cost."""
    client = new_client(make_app(bcrypt_rounds=7))
    # The last has a salt that cannot be, for which bcrypt raises: the login was a 500.
    junk = ["", "x", "$2a$10$short", "$1$md5", *(f"$2b${cost}${'a' * 53}" for cost in ("99", "03", "04"))]
    hashes = [hashed(PASSWORD), hashed(PASSWORD, "2a", 6), hashed(PASSWORD, rounds=7), *junk]
    work: list[int] = []

    def counted(real: Callable[[bytes, bytes], Any]) -> Callable[[bytes, bytes], Any]:
        def call(password: bytes, made: bytes) -> Any:
            work.append(2 ** int(made[4:6]))
            return real(password, made)

        return call

    for name in ("hashpw", "checkpw"):
        monkeypatch.setattr(bcrypt, name, counted(getattr(bcrypt, name)))

    def cost(email: str, password: str = "wrong password") -> int:
        work.clear()
        refused(login(client, email, password), 401, "invalid_credentials")
        return sum(work)

    assert cost("nobody@example.com") == 2**7
    for made in hashes:
        db.execute("UPDATE customer SET password = %s", made)
        tried = ("wrong password", "x" * 100, made or "x", *([PASSWORD] if made in junk else []))
        assert [cost(customer.email, password) for password in tried] == [2**7] * len(tried), made
    db.execute("UPDATE customer SET status = 0, password = %s", hashes[0])
    assert cost(customer.email, PASSWORD) == 2**7


def use(client: CheckingClient, token: str) -> Any:
    return client.post("/api/customers/password", json={"token": token, "password": NEW_PASSWORD})


@dataclass
class Ways:
    """The ways in which a customer is changed: by the owner, by an admin, on the staff's page, by another program."""

    app: Flask
    customer: Account
    admin: Account
    db: Db

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
