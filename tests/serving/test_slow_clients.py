"""Clients that send or read slowly, where nginx is not in front: others are served meanwhile."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.service import Service
from tests.support.shops import serving, with_schema
from tests.support.wire import connect, read

SLOW = 4
HEAD = b"POST /customer/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BEGUN = {
    "nothing": b"",
    "a line": b"GET /healthz HTT",
    "headers": b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "a body": HEAD + b'Content-Length: 1000\r\n\r\n{"',
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "a huge chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Service]:
    """Return a service of one worker with a few threads more than there are slow clients."""
    database = with_schema(make_database())
    with serving(tmp_path_factory.mktemp("slow"), database, CUSTOMERS_THREADS=str(SLOW + 2)) as running:
        yield running


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN.keys())
def test_fewer_slow_clients_than_threads_keep_nobody_waiting(service: Service, begun: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW):
            stack.enter_context(connect(service)).sendall(begun)

        assert [service.call("GET", "/readyz")[0] for _ in range(5)] == [200] * 5
    assert [line for line in service.lines() if line["level"] == "error"] == []


def test_idle_connections_keep_nobody_waiting_however_many_there_are(service: Service) -> None:
    """Between two requests a connection takes no thread."""
    with ExitStack() as stack:
        kept = [stack.enter_context(connect(service)) for _ in range(3 * SLOW)]
        for _ in range(2):
            for sock in kept:
                sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                assert read(sock).status == 200
            assert service.call("GET", "/readyz")[0] == 200


def test_a_client_that_reads_nothing_keeps_nobody_waiting(service: Service) -> None:
    with connect(service) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * 20)

        assert [service.call("GET", "/readyz")[0] for _ in range(5)] == [200] * 5
