"""Changing one's own password; which hashes open an account; what a refusal costs (CONTRACT sections 3, 4, 6)."""

from collections.abc import Callable
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
from tests.support.threads import overtaken

CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
PATH = f"{ME}/password"


def login(client: CheckingClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Send a login, whatever comes of it."""
    return client.post("/customer/login", json={"email": email, "password": password})


def test_a_change_ends_the_old_password_and_the_reset_tokens(
    client: CheckingClient, customer: Account, other: Account, db: Db
) -> None:
    tokens = [reset_token(db, account, account.email) for account in (customer, other)]

    done(customer.client.post(PATH, json=CHANGE))

    refused(login(client, customer.email), 401, "invalid_credentials")
    log_in(client, customer.email, NEW_PASSWORD)
    uses = [{"token": token, "password": "set by the mail"} for token in tokens]
    assert [client.post("/api/customers/password", json=use).status_code for use in uses] == [400, 200]


def test_a_change_needs_no_recent_login(customer: Account, db: Db) -> None:
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


def test_a_current_password_that_is_changed_meanwhile_is_wrong(customer: Account, database: str, db: Db) -> None:
    """The change has locked the account when this one, which has checked the old password, comes to write."""
    change = "UPDATE customer SET password = 'changed'"

    refused(overtaken(database, db, change, lambda: customer.client.post(PATH, json=CHANGE)), 403, "wrong_password")

    assert db.one("SELECT password FROM customer") == {"password": "changed"}


# ---------------------------------------------------------------- hashes


def hashed(password: str, prefix: str = "2b", rounds: int = 4) -> str:
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()
    return f"${prefix}${made[4:]}"


def stored(db: Db) -> str:
    found: str = db.one("SELECT password FROM customer")["password"]
    return found


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
def test_hashes_made_elsewhere_open_whatever_the_cost(
    client: CheckingClient, customer: Account, db: Db, prefix: str
) -> None:
    for password, rounds in (("from elsewhere", 4), ("123456", 6)):  # the second is short and common
        db.execute("UPDATE customer SET password = %s", hashed(password, prefix, rounds))
        log_in(client, customer.email, password)


def test_a_password_that_was_cut_at_72_bytes_still_opens(
    make_app: Callable[..., Flask], customer: Account, db: Db
) -> None:
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


# The last has a salt that cannot be, for which bcrypt raises: the login was a 500.
@pytest.mark.parametrize("junk", ["", "x", "$2a$10$short", "$2b$99$" + "a" * 53, "$1$md5", "$2b$03$" + "a" * 53,
                                  "$2b$04$" + "a" * 53])  # fmt: skip
def test_what_is_no_hash_opens_nothing(client: CheckingClient, customer: Account, db: Db, junk: str) -> None:
    db.execute("UPDATE customer SET password = %s", junk)

    for password in (PASSWORD, junk or "x", ""):
        refused(login(client, customer.email, password), 401, "invalid_credentials")


@pytest.mark.parametrize(("rounds", "renewed"), [(4, True), (5, False), (6, False)])
def test_a_hash_weaker_than_the_setting_is_renewed_at_the_next_login_and_no_other(
    make_app: Callable[..., Flask], customer: Account, admin: Account, db: Db, rounds: int, renewed: bool
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


def test_every_refused_login_costs_the_same_work(
    make_app: Callable[..., Flask], customer: Account, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work of bcrypt is 2 ** cost."""
    client = new_client(make_app(bcrypt_rounds=7))
    hashes = [hashed(PASSWORD), hashed(PASSWORD, "2a", 6), hashed(PASSWORD, rounds=7), "junk", "$2b$04$" + "a" * 53]
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
        assert [cost(customer.email), cost(customer.email, "x" * 100)] == [2**7] * 2, made
    db.execute("UPDATE customer SET status = 0, password = %s", hashes[0])
    assert cost(customer.email, PASSWORD) == 2**7


def test_a_common_password_is_refused_with_the_reason(customer: Account) -> None:
    response = customer.client.patch(customer.path, json={"password": "PASSWORD1"})

    refused(response, 400, "invalid_input", "password")
    assert "common" in response.get_json()["error"]["message"]
