"""The service as it is run: real gunicorn, its own PostgreSQL."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.conftest import PASSWORD, REPOSITORY
from tests.support.service import ANN, BIN, Service, sign_up, wait_until
from tests.support.wire import exchange


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture
def service(folder: Path, serve: Callable[..., Service]) -> Service:
    return serve(folder, CUSTOMERS_BCRYPT_ROUNDS="10")


def workers(service: Service) -> list[psutil.Process]:
    return psutil.Process(service.process.pid).children()


def settled(service: Service) -> list[psutil.Process]:
    """Return the workers once both are there, each with its sender of mail: the first answers before the second is."""
    wait_until(lambda: [worker.num_threads() >= 2 for worker in workers(service)] == [True, True])
    return workers(service)


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
    answer = exchange(service, sent)

    assert answer.status == answer.body["error"]["status"] == status
    assert answer.headers["X-Request-ID"]
    assert "script" not in json.dumps(answer.body)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_a_malformed_chunk_is_a_400(service: Service) -> None:
    head = b"POST /customer/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

    answer = exchange(service, head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n")

    assert (answer.status, answer.body["error"]["code"]) == (400, "malformed_json")
    assert [line for line in service.lines() if line["level"] == "error"] == []


def test_sigterm_finishes_a_request_in_flight(folder: Path, serve: Callable[..., Service]) -> None:
    service = serve(folder, CUSTOMERS_BCRYPT_ROUNDS="13")
    with ThreadPoolExecutor(1) as pool:
        at_rest = sum(worker.num_threads() for worker in settled(service))
        in_flight = pool.submit(service.call, "POST", "/api/customers", {**ANN, "email": "in-flight@example.com"})
        wait_until(lambda: sum(worker.num_threads() for worker in workers(service)) > at_rest)
        status = service.stop()

    assert in_flight.result()[0] == 201
    assert status == 0


def test_a_killed_worker_is_replaced(service: Service) -> None:
    before = {worker.pid for worker in settled(service)}
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
