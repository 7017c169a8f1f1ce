"""Passwords: whose hashes verify, what a refusal costs, and the bounded pool."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest
from flask import Flask

from customers import passwords
from customers.errors import Busy
from customers.passwords import Hasher
from tests.client import CheckingClient
from tests.conftest import PASSWORD, Account, Db, log_in, new_client


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
    client: CheckingClient, customer: Account, db: Db
) -> None:
    long = "ü" * 50
    db.execute("UPDATE customer SET password = %s", hashed(long, "2a"))

    log_in(client, customer.email, long)


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


# ---------------------------------------------------------------- the pool


def test_a_full_queue_answers_503_with_retry_after(
    make_app: Callable[..., Flask], customer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(hash_threads=1, hash_max_wait=0.01, bcrypt_rounds=8)
    running, release = threading.Event(), threading.Event()
    real = bcrypt.checkpw

    def slow(password: bytes, made: bytes) -> bool:
        running.set()
        assert release.wait(10)
        return real(password, made)

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    login = {"email": customer.email, "password": PASSWORD}

    def post() -> Any:
        return new_client(app).post("/customer/login", json=login)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post)
        assert running.wait(10)
        refused = post()
        read = new_client(app).get(customer.path, headers=customer.headers)
        release.set()

    assert first.result().status_code == 200
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "busy")
    assert int(refused.headers["Retry-After"]) >= 1
    assert read.status_code == 200


def test_the_queue_is_bounded_by_the_time_that_jobs_take() -> None:
    """As many may wait as are expected to be done within the bound: half a second of work at 0.25 s each."""
    hasher = Hasher(rounds=12, threads=1, max_wait=0.5)
    release = threading.Event()

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(hasher._run, release.wait) for _ in range(3)]
        while hasher._jobs < 3:
            threading.Event().wait(0.001)
        with pytest.raises(Busy):
            hasher.hash("x")
        release.set()
        assert all(job.result(timeout=5) for job in waiting)

    hasher._job_seconds = 0.0001
    assert hasher._run(lambda: 1) == 1


def test_hashing_threads_have_the_lowest_priority_and_no_other_thread_has() -> None:
    import os

    hasher = Hasher(rounds=4)

    inside = hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    assert inside == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19


def test_a_login_is_not_refused_because_its_hash_cannot_be_renewed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher(rounds=5)

    def busy(password: str) -> str:
        raise Busy()

    monkeypatch.setattr(hasher, "hash", busy)

    assert hasher.renewed("x", hashed("x")) is None


def test_the_list_of_common_passwords_is_there() -> None:
    assert passwords.is_common("Qwertyuiop")
    assert not passwords.is_common(PASSWORD)
