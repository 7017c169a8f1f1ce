"""Passwords: whose hashes verify, what a refusal costs, and the bounded pool."""

from collections.abc import Callable

import bcrypt
import pytest
from flask import Flask

from tests.support.client import CheckingClient
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.database import Db


def hashed(password: str, prefix: str = "2b", rounds: int = 4) -> str:
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()
    return f"${prefix}${made[4:]}"


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
@pytest.mark.parametrize("rounds", [4, 5, 6])
def test_hashes_made_elsewhere_verify(
    client: CheckingClient, customer: Account, db: Db, prefix: str, rounds: int
) -> None:
    db.execute("UPDATE customer SET password = %s", hashed("from elsewhere", prefix, rounds))

    log_in(client, customer.email, "from elsewhere")


def test_a_password_that_another_program_cut_at_72_bytes_still_signs_in(
    make_app: Callable[..., Flask], customer: Account, db: Db
) -> None:
    """And keeps its weak hash: a new one could not be made of the whole password."""
    long, made = "ü" * 50, hashed("ü" * 50, "2a")
    db.execute("UPDATE customer SET password = %s", made)

    log_in(new_client(make_app(bcrypt_rounds=5)), customer.email, long)

    assert db.one("SELECT password FROM customer") == {"password": made}


def test_one_over_72_bytes_is_wrong_for_a_hash_of_this_service(client: CheckingClient, customer: Account) -> None:
    longest = "x" * 71 + "!"
    customer.client.patch(customer.path, json={"password": longest})

    refused = client.post("/customer/login", json={"email": customer.email, "password": longest + "x"})

    assert refused.status_code == 401
    log_in(client, customer.email, longest)


@pytest.mark.parametrize("junk", ["", "x", "$2a$10$short", "$2b$99$" + "a" * 53, "$1$md5", "$2b$03$" + "a" * 53])
def test_what_is_no_hash_verifies_nothing(client: CheckingClient, customer: Account, db: Db, junk: str) -> None:
    db.execute("UPDATE customer SET password = %s", junk)

    for password in (PASSWORD, junk or "x", ""):
        assert client.post("/customer/login", json={"email": customer.email, "password": password}).status_code == 401


def test_a_hash_weaker_than_the_setting_is_renewed_at_the_next_login(
    make_app: Callable[..., Flask], customer: Account, db: Db
) -> None:
    before = db.one("SELECT password, updated_at FROM customer")
    stronger = new_client(make_app(bcrypt_rounds=5))

    log_in(stronger, customer.email)

    after = db.one("SELECT password, updated_at FROM customer")
    assert before["password"].startswith("$2b$04$")
    assert after["password"].startswith("$2b$05$")
    assert after["updated_at"] == before["updated_at"]
    assert customer.client.get(customer.path).status_code == 200
    log_in(stronger, customer.email)
    assert db.one("SELECT password FROM customer") == {"password": after["password"]}


def test_a_stronger_one_is_kept(make_app: Callable[..., Flask], customer: Account, db: Db) -> None:
    db.execute("UPDATE customer SET password = %s", hashed(PASSWORD, rounds=6))
    before = db.one("SELECT password FROM customer")

    log_in(new_client(make_app(bcrypt_rounds=5)), customer.email)

    assert db.one("SELECT password FROM customer") == before


def test_an_admins_hash_is_renewed_too(make_app: Callable[..., Flask], admin: Account, db: Db) -> None:
    log_in(new_client(make_app(bcrypt_rounds=5)), admin.email, path="/admin/user/login")

    assert db.one("SELECT password FROM admin_user")["password"].startswith("$2b$05$")


def test_every_refused_login_costs_the_same_work(
    make_app: Callable[..., Flask], customer: Account, db: Db, work: Callable[[], int]
) -> None:
    client = new_client(make_app(bcrypt_rounds=7))
    full = 2**7

    def refused(email: str, password: str = "wrong password") -> int:
        work()
        assert client.post("/customer/login", json={"email": email, "password": password}).status_code == 401
        return work()

    assert refused("nobody@example.com") == full
    for made in (hashed(PASSWORD, rounds=4), hashed(PASSWORD, "2a", 6), hashed(PASSWORD, rounds=7), "junk"):
        db.execute("UPDATE customer SET password = %s", made)
        assert refused(customer.email) == full, made
        assert refused(customer.email, "x" * 100) == full, made
    db.execute("UPDATE customer SET status = 0, password = %s", hashed(PASSWORD, rounds=4))
    assert refused(customer.email, PASSWORD) == full


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "1q2w3e4r5t", "iloveyou1"])
def test_a_common_password_is_refused_with_the_reason(client: CheckingClient, customer: Account, password: str) -> None:
    body = {"email": "new@example.com", "password": password, "full_name": "N"}

    for response in (
        client.post("/api/customers", json=body),
        customer.client.patch(customer.path, json={"password": password}),
    ):
        assert response.status_code == 400
        assert "common" in response.get_json()["error"]["errors"]["password"][0]


def test_a_common_password_of_an_existing_account_still_signs_in(
    client: CheckingClient, customer: Account, db: Db
) -> None:
    db.execute("UPDATE customer SET password = %s", hashed("123456"))

    log_in(client, customer.email, "123456")


def test_a_stored_hash_with_an_impossible_salt_refuses_a_login(
    customer: Account, client: CheckingClient, db: Db, work: Callable[[], int]
) -> None:
    """Cause: bcrypt raises where the salt's last character holds bits it cannot have, and the login was a 500.

    Cure: such a text is no hash.
    """
    db.execute("UPDATE customer SET password = %s", f"$2b$04${'a' * 53}")
    work()

    refused = client.post("/customer/login", json={"email": customer.email, "password": PASSWORD})

    assert refused.status_code == 401
    assert work() == 2**4
