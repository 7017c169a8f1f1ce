"""An instance that is stopped cuts nobody off: not those who wait to be accepted, not those who keep a connection."""

import contextlib
import http.client
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.service import Service, wait_until

REQUEST = b"POST /customers/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stopping")


@pytest.fixture
def service(folder: Path, serve: Callable[..., Service]) -> Service:
    return serve(folder)


def answers_until_refused(port: int) -> list[bytes]:
    """Send one request after the other, each on a connection of its own; return the beginnings of the answers."""
    answers: list[bytes] = []
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            return answers
        with sock:
            try:
                sock.sendall(REQUEST)
                answers.append(sock.recv(15))
            except OSError as error:
                answers.append(repr(error).encode())


def test_whoever_has_got_through_is_answered(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool, contextlib.ExitStack() as ended, contextlib.ExitStack() as idle:
        ended.callback(service.stop)  # else the load would go on for ever when something fails here
        for _ in range(8):  # while there are some, the workers linger
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
            idle.callback(connection.close)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        loads = [pool.submit(answers_until_refused, service.port) for _ in range(8)]
        wait_until(lambda: service.log.read_text().count("/customers/logout") > 200, 60)
        status = service.stop()
        answers = [answer for load in loads for answer in load.result()]

    assert status == 0
    assert len(answers) > 200
    assert set(answers) == {b"HTTP/1.1 200 OK"}


def test_a_kept_connection_is_answered_and_then_closed(service: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    connection.request("GET", "/healthz")
    kept = connection.getresponse()
    kept.read()

    service.process.terminate()
    wait_until(lambda: refuses(service.port))
    connection.request("POST", "/customers/logout")
    last = connection.getresponse()

    assert kept.headers["Connection"] == "keep-alive"
    assert (last.status, last.headers["Connection"]) == (200, "close")
    assert service.process.wait(timeout=60) == 0


def refuses(port: int) -> bool:
    """Return whether connections are refused at once."""
    with socket.socket() as sock:
        sock.settimeout(0.2)
        try:
            sock.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            pass
    return False


def test_a_reload_loses_nothing_either(service: Service) -> None:
    wait_until(lambda: service.log.read_text().count("Booting worker") == 2)

    with ThreadPoolExecutor(8) as pool, contextlib.ExitStack() as ended:
        ended.callback(service.stop)
        loads = [pool.submit(answers_until_refused, service.port) for _ in range(8)]
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.log.read_text().count("Worker exiting") == 2, 60)
        seen = service.log.read_text().count("/customers/logout")
        wait_until(lambda: service.log.read_text().count("/customers/logout") > seen + 100, 60)
        service.stop()
        answers = [answer for load in loads for answer in load.result()]

    assert set(answers) == {b"HTTP/1.1 200 OK"}
