"""The bounded pool that bcrypt runs in, and which hashes open an account."""

import os
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import bcrypt
import pytest
from flask import Flask
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from customers.errors import Busy
from customers.http import context
from customers.security.hashing import Hasher, escaped
from tests.conftest import PASSWORD, Account, MakeApp, MakeCustomer, log_in, new_client
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, ME, NEW, NEW_PASSWORD, reset_token
from tests.support.database import Db
from tests.support.limits import HOME, WRONG
from tests.support.service import wait_until

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
        monkeypatch.setattr(bcrypt, "checkpw", lambda *given: self._go.wait(30) and real(*given))
        monkeypatch.setattr(bcrypt, "gensalt", lambda _: gensalt(4))  # the cost is a claim here

    def begin(self, count: int, job: Callable[[], Any]) -> list[Any]:
        """Begin a job so many times, and wait until all of them hash or wait for it."""
        self._go.clear()
        expected = jobs() + count
        begun = [self._pool.submit(job) for _ in range(count)]
        wait_until(lambda: jobs() == expected)
        return begun

    def let_go(self) -> None:
        self._go.set()
        self._pool.shutdown()


def jobs() -> float:
    return REGISTRY.get_sample_value("customers_hashing_jobs") or 0


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocked]:
    blocked = Blocked(monkeypatch)
    yield blocked
    blocked.let_go()


def test_the_queue_is_bounded_where_hashing_is_slow(make_app: MakeApp, customer: Account, blocked: Blocked) -> None:
    """All threads would wait, and no read be served."""
    slow, quick = (make_app(threads=3, hash_threads=1, bcrypt_rounds=rounds) for rounds in (14, 4))  # two places

    def login(app: Flask) -> TestResponse:
        return new_client(app).post("/customer/login", json={"email": customer.email, "password": WRONG})

    waiting = blocked.begin(2, partial(login, slow)) + blocked.begin(5, partial(login, quick))
    third = login(slow)
    data_of(new_client(slow).get(customer.path, headers=customer.headers))
    renewed = context.of(slow).hasher.renewed("x", hashed("x"))
    blocked.let_go()

    for job in waiting:
        refused(job.result(), 401, "invalid_credentials")
    refused(third, 503, "busy")
    assert int(third.headers["Retry-After"]) >= 1
    assert renewed is None, "a login is not refused because its hash cannot be renewed now"


def test_the_queue_is_empty_when_its_jobs_are_done() -> None:
    hasher, made = Hasher(rounds=14, places=2), hashed("x")

    assert all(hasher.verify("x", made) for _ in range(50))


def test_hashing_threads_have_the_lowest_priority_and_no_other_thread_has(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: found.append(os.getpriority(os.PRIO_PROCESS, 0)))

    Hasher(rounds=4).verify("x", hashed("x"))

    assert found == [19]
    assert os.getpriority(os.PRIO_PROCESS, 0) < 19  # of this thread


def test_one_network_holds_at_most_a_third_of_the_places_of_a_slow_queue(blocked: Blocked) -> None:
    hasher, made = Hasher(rounds=14, places=12), hashed("x")

    def hold(places: ExitStack, *networks: str | None) -> None:
        for network in networks:
            places.enter_context(hasher.place(network))

    with ExitStack() as places:
        hold(places, *["a"] * 40)  # nobody waits, so nobody is counted
    blocked.begin(2, lambda: hasher.verify("x", made))
    for _ in range(2):  # what is given back is free again
        with ExitStack() as places:
            hold(places, *["a"] * 4, "b", *[None] * 5)
            with pytest.raises(Busy) as fifth:
                hold(places, "a")
            assert int(fifth.value.headers["Retry-After"]) >= 1


def test_one_networks_own_logins_do_not_starve_another_network(
    make_app: MakeApp, make_customer: MakeCustomer, blocked: Blocked, db: Db
) -> None:
    """Cause: whoever had a few accounts signed in 25 times at once, and everybody else waited or got a 503."""
    app = make_app(trusted_proxies=1, threads=12, hash_threads=1, bcrypt_rounds=14)
    greedy, accounts = [make_customer() for _ in range(3)], [make_customer() for _ in range(5)]
    login = "POST", "/customer/login"
    acts = [
        (*login, {"email": accounts[0].email, "password": PASSWORD}),
        ("POST", CUSTOMERS, NEW),
        ("POST", f"{ME}/password", {"current_password": PASSWORD, "password": NEW_PASSWORD}),
        ("PATCH", ME, {"password": NEW_PASSWORD}),
        ("POST", f"{CUSTOMERS}/password", {"token": reset_token(db, accounts[-1]), "password": NEW_PASSWORD}),
    ]

    def send(network: str, account: Account, method: str, path: str, body: dict[str, str]) -> TestResponse:
        headers = {**account.headers, "X-Forwarded-For": network}
        return new_client(app, use_cookies=False).open(path, method=method, json=body, headers=headers)

    answers = []
    for account in greedy:  # a third of the queue
        answers += blocked.begin(
            1, partial(send, HOME, account, *login, {"email": account.email, "password": PASSWORD})
        )
    for number, (account, act) in enumerate(zip(accounts, acts, strict=True)):
        refused(send(HOME, account, *act), 503, "busy")
        answers += blocked.begin(1, partial(send, f"198.51.100.{number}", account, *act))
    blocked.let_go()

    assert [answer.result().status_code for answer in answers] == [200] * 4 + [201] + [200] * 3


def test_a_hash_that_is_2x_or_above_cost_14_opens_nothing_and_is_logged(
    app: Flask, accounts: dict[str, Account], db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    for kind, table, made in (
        ("customer", "customer", hashed(PASSWORD).replace("$2b$", "$2x$")),
        ("admin", "admin_user", DEAR),
    ):
        db.execute(f"UPDATE {table} SET password = %s", made)
        login = {"email": accounts[kind].email, "password": PASSWORD}
        refused(new_client(app).post(accounts[kind].login, json=login), 401, "invalid_credentials")
        assert made not in caplog.text
    assert caplog.text.count("a stored hash is not bcrypt of cost 14 or less") == 2


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "cafés zoë ångström") for form in ("NFC", "NFD"))


def test_a_password_opens_in_either_unicode_form_or_as_typed(app: Flask, make_customer: MakeCustomer, db: Db) -> None:
    account = make_customer(password=DECOMPOSED)
    for typed in (COMPOSED, DECOMPOSED):
        log_in(new_client(app), account.email, typed)
    log_in(new_client(app), make_customer(password=COMPOSED).email, DECOMPOSED)

    db.execute("UPDATE customer SET password = %s", hashed(DECOMPOSED))

    log_in(new_client(app), account.email, DECOMPOSED)
    login = {"email": account.email, "password": COMPOSED}
    refused(new_client(app).post("/customer/login", json=login), 401, "invalid_credentials")


def test_what_evershop_escapes_is_found_in_linear_time() -> None:
    """A login's password has no upper length, and a megabyte of "<a " kept the interpreter for an hour."""
    began = time.process_time()

    assert escaped("<b>" + "<a " * 20_000) == "&lt;b&gt;" + "<a " * 20_000
    assert time.process_time() - began < 1
