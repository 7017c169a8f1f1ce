"""The bounded pool that bcrypt runs in."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest
from flask import Flask

from customers import passwords
from customers.errors import Busy
from customers.security.hashing import Hasher
from tests.conftest import PASSWORD, Account, new_client


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


def test_the_queue_has_fewer_places_than_there_are_threads_where_hashing_is_dear() -> None:
    """Five seconds of work may be more jobs than there are threads: all of them would wait, and no read be served."""
    dear, cheap = Hasher(rounds=12, places=4, max_wait=60), Hasher(rounds=4, places=4, max_wait=60)
    release = threading.Event()

    with ThreadPoolExecutor(16) as pool:
        for hasher in (dear, cheap):
            jobs = [pool.submit(hasher._run, release.wait) for _ in range(5)]
            while hasher._jobs < 5 - (hasher is dear and any(job.done() for job in jobs)):
                threading.Event().wait(0.001)
            if hasher is dear:
                hasher._job_seconds = 0.25
                with pytest.raises(Busy):
                    hasher.hash("x")
        extra = pool.submit(cheap.hash, "x")
        release.set()
        assert extra.result(timeout=5).startswith("$2b$04$")


def test_hashing_threads_have_the_lowest_priority_and_no_other_thread_has() -> None:
    hasher = Hasher(rounds=4)

    inside = hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    assert inside == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19


def test_a_login_is_not_refused_because_its_hash_cannot_be_renewed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher(rounds=5)

    def busy(password: str) -> str:
        raise Busy()

    monkeypatch.setattr(hasher, "hash", busy)

    assert hasher.renewed("x", bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()) is None


def test_the_list_of_common_passwords_is_there() -> None:
    assert passwords.is_common("Qwertyuiop")
    assert not passwords.is_common(PASSWORD)
