"""Whose hashes open an account, which are renewed, and what a refusal costs (CONTRACT sections 3 and 4)."""

from collections.abc import Callable

import bcrypt
import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.client import CheckingClient
from tests.support.database import Db


def hashed(password: str, prefix: str = "2b", rounds: int = 4) -> str:
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()
    return f"${prefix}${made[4:]}"


def stored(db: Db) -> str:
    found: str = db.one("SELECT password FROM customer")["password"]
    return found


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a function that tells how much bcrypt has worked since it was last asked: the sum of 2 ** cost."""
    done: list[int] = []
    real_hash, real_check = bcrypt.hashpw, bcrypt.checkpw

    def hashpw(password: bytes, salt: bytes) -> bytes:
        done.append(2 ** int(salt[4:6]))
        return real_hash(password, salt)

    def checkpw(password: bytes, made: bytes) -> bool:
        done.append(2 ** int(made[4:6]))
        return real_check(password, made)

    monkeypatch.setattr(bcrypt, "hashpw", hashpw)
    monkeypatch.setattr(bcrypt, "checkpw", checkpw)

    def total() -> int:
        spent = sum(done)
        done.clear()
        return spent

    return total


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
@pytest.mark.parametrize("rounds", [4, 6])
@pytest.mark.parametrize(
    "password", ["from elsewhere", "123456"]
)  # short and common, as an existing account may have it
def test_hashes_made_elsewhere_open(
    client: CheckingClient, customer: Account, db: Db, prefix: str, rounds: int, password: str
) -> None:
    db.execute("UPDATE customer SET password = %s", hashed(password, prefix, rounds))

    log_in(client, customer.email, password)


def test_a_password_that_another_program_cut_at_72_bytes_still_signs_in(
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

    longer = {"email": customer.email, "password": f"{longest}x"}
    refused(client.post("/customer/login", json=longer), 401, "invalid_credentials")
    log_in(client, customer.email, longest)


# The last has a salt that cannot be, for which bcrypt raises: the login was a 500.
@pytest.mark.parametrize("junk", ["", "x", "$2a$10$short", "$2b$99$" + "a" * 53, "$1$md5", "$2b$03$" + "a" * 53,
                                  "$2b$04$" + "a" * 53])  # fmt: skip
def test_what_is_no_hash_opens_nothing(client: CheckingClient, customer: Account, db: Db, junk: str) -> None:
    db.execute("UPDATE customer SET password = %s", junk)

    for password in (PASSWORD, junk or "x", ""):
        login = {"email": customer.email, "password": password}
        refused(client.post("/customer/login", json=login), 401, "invalid_credentials")


@pytest.mark.parametrize(("rounds", "renewed"), [(4, True), (5, False), (6, False)])
def test_a_hash_weaker_than_the_setting_is_renewed_at_the_next_login_and_no_other(
    make_app: Callable[..., Flask], customer: Account, db: Db, rounds: int, renewed: bool
) -> None:
    made = hashed(PASSWORD, rounds=rounds)
    db.execute("UPDATE customer SET password = %s, updated_at = '2020-01-01'", made)
    client = new_client(make_app(bcrypt_rounds=5))

    log_in(client, customer.email)

    now = stored(db)
    assert (now != made, now.startswith("$2b$05$")) == (renewed, rounds < 6)
    data_of(customer.client.get(customer.path))
    log_in(client, customer.email)
    assert stored(db) == now
    assert db.one("SELECT updated_at < '2021-01-01' AS kept FROM customer") == {"kept": True}


def test_an_admins_hash_is_renewed_too(make_app: Callable[..., Flask], admin: Account, db: Db) -> None:
    log_in(new_client(make_app(bcrypt_rounds=5)), admin.email, path=admin.login)

    assert db.one("SELECT password FROM admin_user")["password"].startswith("$2b$05$")


def test_every_refused_login_costs_the_same_work(
    make_app: Callable[..., Flask], customer: Account, db: Db, work: Callable[[], int]
) -> None:
    client = new_client(make_app(bcrypt_rounds=7))

    def cost(email: str, password: str = "wrong password") -> int:
        work()
        refused(client.post("/customer/login", json={"email": email, "password": password}), 401, "invalid_credentials")
        return work()

    assert cost("nobody@example.com") == 2**7
    for made in (hashed(PASSWORD), hashed(PASSWORD, "2a", 6), hashed(PASSWORD, rounds=7), "junk", "$2b$04$" + "a" * 53):
        db.execute("UPDATE customer SET password = %s", made)
        assert [cost(customer.email), cost(customer.email, "x" * 100)] == [2**7] * 2, made
    db.execute("UPDATE customer SET status = 0, password = %s", hashed(PASSWORD))
    assert cost(customer.email, PASSWORD) == 2**7


def test_a_common_password_is_refused_with_the_reason(customer: Account) -> None:
    response = customer.client.patch(customer.path, json={"password": "PASSWORD1"})

    refused(response, 400, "invalid_input", "password")
    assert "common" in response.get_json()["error"]["message"]
