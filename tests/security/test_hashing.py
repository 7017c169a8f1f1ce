"""The bounded pool that bcrypt runs in, and which hashes open an account."""

import os
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import bcrypt
import pytest
from flask import Flask
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from customers.errors import Busy
from customers.security.hashing import UNUSABLE, Hasher, cost
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.security.conftest import Make
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.service import wait_until

NEW_PASSWORD = "staple correct horse"
# Of PASSWORD at cost 15, which takes bcrypt two seconds.
DEAR = "$2b$15$B27tkOhnH8KyWAQ4IjfEKuMCfKg3TwfpMKreoVwPP89PfeAyy0SKa"


def hashed(password: str, rounds: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


class Blocked:
    """bcrypt, which from the first job begun here waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._go = threading.Event()
        self._go.set()
        self._pool = ThreadPoolExecutor(24)
        real, gensalt = bcrypt.checkpw, bcrypt.gensalt

        def wait(password: bytes, made: bytes) -> bool:
            assert self._go.wait(30)
            return real(password, made)

        monkeypatch.setattr(bcrypt, "checkpw", wait)
        monkeypatch.setattr(bcrypt, "gensalt", lambda _: gensalt(4))  # the cost is a claim here

    def begin(self, count: int, job: Callable[[], Any]) -> list[Any]:
        """Begin a job so many times, and wait until all of them hash or wait for it."""
        self._go.clear()
        jobs = self._jobs()
        begun = [self._pool.submit(job) for _ in range(count)]
        wait_until(lambda: self._jobs() == jobs + count)
        return begun

    def let_go(self) -> None:
        """Let bcrypt work."""
        self._go.set()
        self._pool.shutdown()

    @staticmethod
    def _jobs() -> float:
        return REGISTRY.get_sample_value("customers_hashing_jobs") or 0


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocked]:
    blocked = Blocked(monkeypatch)
    yield blocked
    blocked.let_go()


# ---------------------------------------------------------------- the queue


def test_a_full_queue_is_a_503_with_retry_after_and_reads_go_on(
    make_app: Make, customer: Account, blocked: Blocked
) -> None:
    app = make_app(hash_threads=1, hash_max_wait=0.01, bcrypt_rounds=12)

    def log_in_there() -> TestResponse:
        body = {"email": customer.email, "password": PASSWORD}
        return new_client(app).post("/customer/login", json=body)

    def counted() -> float:
        return REGISTRY.get_sample_value("customers_hashing_refusals_total") or 0

    before = counted()
    (first,) = blocked.begin(1, log_in_there)
    refused = log_in_there()
    read = new_client(app).get(customer.path, headers=customer.headers)
    blocked.let_go()

    assert first.result().status_code == 200
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "busy")
    assert int(refused.headers["Retry-After"]) >= 1
    assert counted() == before + 1
    assert read.status_code == 200


def test_the_queue_is_bounded_by_the_time_that_its_jobs_take(blocked: Blocked) -> None:
    """A hash at cost 12 counts as a quarter of a second until one has been made: three of them exceed half a second."""
    dear, cheap = Hasher(rounds=12, max_wait=0.5), Hasher(rounds=4, max_wait=0.5)
    made = hashed("x")

    waiting = blocked.begin(3, lambda: dear.verify("x", made)) + blocked.begin(11, lambda: cheap.verify("x", made))
    with pytest.raises(Busy):
        dear.verify("x", made)
    blocked.let_go()

    assert all(job.result() for job in waiting)


def test_the_queue_has_fewer_places_than_there_are_threads_where_hashing_is_slow(blocked: Blocked) -> None:
    """A minute of work may be more jobs than there are threads: all of them would wait, and no read be served."""
    dear, cheap = (Hasher(rounds=rounds, places=5, max_wait=60) for rounds in (12, 4))
    made = hashed("x")

    waiting = blocked.begin(5, lambda: dear.verify("x", made)) + blocked.begin(9, lambda: cheap.verify("x", made))
    with pytest.raises(Busy):
        dear.verify("x", made)
    blocked.let_go()

    assert all(job.result() for job in waiting)


def test_hashing_threads_have_the_lowest_priority_and_no_other_thread_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    found: list[int] = []
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: found.append(priority()))

    Hasher(rounds=4).verify("x", hashed("x"))

    assert found == [19]
    assert priority() < 19


def test_a_login_is_not_refused_because_its_hash_cannot_be_renewed_now(blocked: Blocked) -> None:
    hasher, made = Hasher(rounds=12, max_wait=0.01), hashed("x")
    blocked.begin(1, lambda: hasher.verify("x", made))

    assert hasher.renewed("x", made) is None
    blocked.let_go()
    assert (hasher.renewed("x", made) or "").startswith("$2b$")


# ---------------------------------------------------------------- one network's places


@contextmanager
def holding(hasher: Hasher, *networks: str | None) -> Iterator[None]:
    """Hold a place for each of these networks."""
    with ExitStack() as places:
        for network in networks:
            places.enter_context(hasher.place(network))
        yield


def test_one_network_holds_at_most_a_third_of_the_places_of_a_slow_queue(blocked: Blocked) -> None:
    hasher, made = Hasher(rounds=14, places=12, max_wait=60), hashed("x")
    with holding(hasher, *["a"] * 40):
        pass  # nobody waits, so nobody is counted
    blocked.begin(2, lambda: hasher.verify("x", made))

    with holding(hasher, *["a"] * 4):
        with pytest.raises(Busy) as refused, hasher.place("a"):
            pytest.fail("a fifth place of twelve")
        with holding(hasher, "b", None, None, None, None, None):
            pass
    with holding(hasher, *["a"] * 4):
        pass

    assert int(refused.value.headers["Retry-After"]) >= 1


ACTS: dict[str, Callable[[CheckingClient, Account], TestResponse]] = {
    "login": lambda client, own: client.post("/customer/login", json={"email": own.email, "password": PASSWORD}),
    "registration": lambda client, _: client.post(
        "/api/customers", json={"email": "new@example.com", "password": PASSWORD, "full_name": "New"}
    ),
    "current password": lambda client, own: client.post(
        "/api/customers/me/password",
        json={"current_password": PASSWORD, "password": NEW_PASSWORD},
        headers=own.headers,
    ),
    "new password": lambda client, own: client.patch(own.path, json={"password": NEW_PASSWORD}, headers=own.headers),
    "reset": lambda client, _: client.post("/api/customers/password", json={"token": "secret", "password": PASSWORD}),
}


@pytest.mark.parametrize("act", ACTS)
def test_one_networks_own_logins_do_not_starve_another_network(
    make_app: Make, customer: Account, make_customer: Callable[..., Account], blocked: Blocked, db: Db, act: str
) -> None:
    """Cause: whoever had a few accounts signed in 25 times at once, and everybody else waited or got a 503."""
    app = make_app(trusted_proxies=1, threads=8, hash_threads=1, hash_max_wait=60, bcrypt_rounds=14)
    token = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # SHA-256 of "secret"
    db.execute("INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, %s FROM customer", token)
    greedy = make_customer()

    def try_from(network: str, name: str, account: Account) -> TestResponse:
        client = new_client(app, use_cookies=False)
        client.environ_base["HTTP_X_FORWARDED_FOR"] = network
        return ACTS[name](client, account)

    own = blocked.begin(2, lambda: try_from("203.0.113.9", "login", greedy))
    refused = try_from("203.0.113.9", act, customer)
    others = blocked.begin(1, lambda: try_from("198.51.100.1", act, customer))
    blocked.let_go()

    assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "busy")
    assert others[0].result().status_code in (200, 201)
    assert [login.result().status_code for login in own] == [200, 200]


# ---------------------------------------------------------------- hashes that open nothing


@pytest.mark.parametrize(
    ("made", "known"),
    [
        ("$2b$04$" + "a" * 21 + "O" + "a" * 31, 4),
        ("$2a$14$" + "a" * 21 + "e" + "a" * 31, 14),
        ("$2y$12$" + "a" * 21 + "." + "a" * 31, 12),
        ("$2x$12$" + "a" * 21 + "." + "a" * 31, None),
        ("$2b$15$" + "a" * 21 + "." + "a" * 31, None),
        ("$2b$31$" + "a" * 21 + "." + "a" * 31, None),
        ("$2b$12$" + "a" * 53, None),  # a salt that cannot be
        (UNUSABLE, None),
        ("", None),
        (None, None),
    ],
)
def test_the_cost_of_a_hash_is_known_only_if_it_may_open_an_account(made: str | None, known: int | None) -> None:
    assert cost(made) == known


@pytest.mark.parametrize(
    ("kind", "made"),
    [("customer", hashed(PASSWORD).replace("$2b$", "$2x$")), ("admin", DEAR)],
    ids=["$2x$", "cost 15"],
)
def test_a_hash_that_is_2x_or_above_cost_14_opens_nothing_and_is_logged(
    app: Flask, accounts: dict[str, Account], db: Db, caplog: pytest.LogCaptureFixture, kind: str, made: str
) -> None:
    assert bcrypt.checkpw(PASSWORD.encode(), made.encode()), "it is the password's"
    db.execute(f"UPDATE {'customer' if kind == 'customer' else 'admin_user'} SET password = %s", made)
    path = "/customer/login" if kind == "customer" else "/admin/user/login"

    refused = new_client(app).post(path, json={"email": accounts[kind].email, "password": PASSWORD})

    assert refused.status_code == 401
    assert "a stored hash is not bcrypt of cost 14 or less" in caplog.text
    assert made not in caplog.text


# ---------------------------------------------------------------- Unicode

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "cafés zoë ångström") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("given", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])
def test_a_password_opens_in_either_unicode_form_whichever_it_was_given_in(
    app: Flask, make_customer: Callable[..., Account], given: str
) -> None:
    account = make_customer(password=given)

    for typed in (COMPOSED, DECOMPOSED):
        assert log_in(new_client(app), account.email, typed)


def test_a_hash_made_elsewhere_of_a_decomposed_password_opens_as_typed(app: Flask, customer: Account, db: Db) -> None:
    db.execute("UPDATE customer SET password = %s", hashed(DECOMPOSED))

    assert log_in(new_client(app), customer.email, DECOMPOSED)
    refused = new_client(app).post("/customer/login", json={"email": customer.email, "password": COMPOSED})
    assert refused.status_code == 401


def test_72_bytes_are_counted_in_the_composed_form(make_customer: Callable[..., Account]) -> None:
    longest = unicodedata.normalize("NFD", "é" * 36)
    assert len(longest.encode()) > 72

    assert make_customer(password=longest)
