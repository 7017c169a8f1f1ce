"""Which passwords, hashes and secrets of reset mails open an account, and until when."""

from collections.abc import Callable
from functools import partial
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

Make = Callable[..., Flask]
CHANGE = {"current_password": PASSWORD, "password": NEW_PASSWORD}
PATH = f"{ME}/password"


def login(client: CheckingClient, email: str, password: str = PASSWORD) -> TestResponse:
    return client.post("/customer/login", json={"email": email, "password": password})


def use(client: CheckingClient, token: str) -> TestResponse:
    return client.post("/api/customers/password", json={"token": token, "password": NEW_PASSWORD})


def test_a_new_password_needs_the_current_one_but_no_new_login(
    client: CheckingClient, customer: Account, elsewhere: CheckingClient, db: Db
) -> None:
    reset_token(db, customer)
    db.execute("UPDATE login_session SET created_at = now() - interval '1 day'")

    for current in ("wrong password", "", PASSWORD.upper(), f" {PASSWORD}", "x" * 5000):
        refused(customer.client.post(PATH, json={**CHANGE, "current_password": current}), 403, "wrong_password")
    data_of(elsewhere.get(ME))
    assert db.one("SELECT count(*) FROM reset_password_token") == {"count": 1}
    log_in(client, customer.email)

    done(customer.client.post(PATH, json=CHANGE))
    refused(login(client, customer.email), 401, "invalid_credentials")
    log_in(client, customer.email, NEW_PASSWORD)
    refused(customer.client.patch(ME, json={"password": "yet another one"}), 403, "login_again")


def hashed(password: str, prefix: str = "2b", rounds: int = 4) -> str:
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()
    return f"${prefix}${made[4:]}"


def stored(db: Db) -> str:
    found: str = db.one("SELECT password FROM customer")["password"]
    return found


def test_hashes_made_elsewhere_open_at_any_cost(make_app: Make, customer: Account, db: Db) -> None:
    client = new_client(make_app(bcrypt_rounds=5))
    for prefix, password, rounds in (("2b", "from elsewhere", 6), ("2y", "123456", 5), ("2a", "ü" * 50, 4)):
        made = hashed(password, prefix, rounds)
        db.execute("UPDATE customer SET password = %s", made)
        log_in(client, customer.email, password)
    assert stored(db) == made  # of 72 bytes of the last one's 100; a new one could not be made of the whole password


def test_one_over_72_bytes_is_wrong_for_a_hash_of_this_service(client: CheckingClient, customer: Account) -> None:
    longest = "x" * 71 + "!"
    data_of(customer.client.patch(customer.path, json={"password": longest}))

    refused(login(client, customer.email, f"{longest}x"), 401, "invalid_credentials")
    log_in(client, customer.email, longest)


def test_a_hash_weaker_than_the_setting_is_renewed(make_app: Make, customer: Account, admin: Account, db: Db) -> None:
    client = new_client(make_app(bcrypt_rounds=5))
    for rounds, renewed in ((4, True), (5, False), (6, False)):
        made = hashed(PASSWORD, rounds=rounds)
        db.execute("UPDATE customer SET password = %s, updated_at = '2020-01-01'", made)

        log_in(client, customer.email)

        now = stored(db)
        assert (now != made, now.startswith("$2b$05$")) == (renewed, rounds < 6)
        log_in(client, customer.email)
        assert stored(db) == now
        assert db.one("SELECT updated_at < '2021-01-01' AS kept FROM customer") == {"kept": True}
    log_in(client, admin.email, path=admin.login)
    assert db.one("SELECT password FROM admin_user")["password"].startswith("$2b$05$")
    data_of(customer.client.get(customer.path))


def test_a_login_renews_no_hash_that_has_been_replaced_meanwhile(
    make_app: Make, customer: Account, database: str, db: Db
) -> None:
    """By a new password, with which it is refused, or by the renewal of another login, with which it is not."""
    client, old = new_client(make_app(bcrypt_rounds=5)), stored(db)
    for new, status in (("x", 401), (hashed(PASSWORD, rounds=5), 200)):
        db.execute("UPDATE customer SET password = %s", old)

        late = overtaken(database, db, f"UPDATE customer SET password = '{new}'", lambda: login(client, customer.email))

        assert (late.status_code, stored(db)) == (status, new)


def test_every_refused_login_costs_the_same_work_and_what_is_no_hash_opens_nothing(
    make_app: Make, customer: Account, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = new_client(make_app(bcrypt_rounds=6))
    # The last has a salt that cannot be, for which bcrypt raises: the login was a 500.
    junk = ["", "x", "$2a$10$short", "$1$md5", *(f"$2b${cost}${'a' * 53}" for cost in ("99", "03", "04"))]
    hashes = [hashed(PASSWORD), hashed(PASSWORD, "2a", 5), hashed(PASSWORD, rounds=6), *junk]
    work: list[int] = []

    def counted(real: Callable[[bytes, bytes], Any], password: bytes, made: bytes) -> Any:
        work.append(2 ** int(made[4:6]))
        return real(password, made)

    for name in ("hashpw", "checkpw"):
        monkeypatch.setattr(bcrypt, name, partial(counted, getattr(bcrypt, name)))

    def cost(email: str, password: str = "wrong password") -> int:
        work.clear()
        refused(login(client, email, password), 401, "invalid_credentials")
        return sum(work)

    assert cost("nobody@example.com") == 2**6
    for made in hashes:
        db.execute("UPDATE customer SET password = %s", made)
        tried = ("wrong password", "x" * 100, made or "x", *([PASSWORD] if made in junk else []))
        assert [cost(customer.email, password) for password in tried] == [2**6] * len(tried), made
    db.execute("UPDATE customer SET status = 0, password = %s", hashes[0])
    assert cost(customer.email, PASSWORD) == 2**6


# By whom an account is changed, or all its sessions ended. A page does it by the same functions.
CHANGES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("customer", "PATCH {own}", {"email": "new@example.com"}),
    ("admin", "PATCH {own}", {"email": "new@example.com"}),
    ("admin", "PATCH {own}", {"status": 0}),
    ("admin", "PATCH {own}", {"password": "given by an admin"}),
    ("admin", "DELETE {own}/sessions", None),
    ("another program", "UPDATE customer SET email = 'new@example.com' WHERE email = 'customer1@example.com'", None),
    ("another program", "UPDATE customer SET status = 0", None),
]


def test_whatever_changes_who_owns_an_account_and_nothing_else_makes_its_secrets_useless_for_good(
    client: CheckingClient, accounts: dict[str, Account], other: Account, db: Db
) -> None:
    """Cause: a secret outlived the e-mail it was sent to, changed and changed back. Cure: a trigger deletes it."""
    customer, admin = accounts["customer"], accounts["admin"]
    bystanders, token = reset_token(db, other, "a bystander's"), reset_token(db, customer)
    log_in(client, customer.email)
    data_of(customer.client.patch(ME, json={"full_name": "Other", "email": customer.email}))
    done(customer.client.delete(f"{ME}/sessions"))  # all but the own
    data_of(admin.client.patch(customer.path, json={"full_name": "Another", "status": 1, "group_id": 1}))
    assert db.one("SELECT count(*) FROM reset_password_token") == {"count": 2}
    done(use(client, bystanders))

    for by, act, body in CHANGES:
        if by in accounts:
            method, path = act.format(own=customer.path).split()
            data_of(accounts[by].client.open(path, method=method, json=body))
        else:
            db.execute(act)
        db.execute("UPDATE customer SET email = %s WHERE email = 'new@example.com'", customer.email)
        db.execute("UPDATE customer SET status = 1 WHERE status = 0")
        refused(use(client, token), 400, "invalid_token")
        token = reset_token(db, customer)
    done(use(client, token))
