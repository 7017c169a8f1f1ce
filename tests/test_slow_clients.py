"""Clients that send or read too slowly: others are served meanwhile, and there is an end to it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.support.service import Service, wait_until
from tests.support.wire import connect, read, read_all

THREADS, SLOW = 6, 4
HEAD = b"POST /customer/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BEGUN = {
    "nothing": b"",
    "a line": b"GET /healthz HTT",
    "headers": b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "a body": HEAD + b'Content-Length: 1000\r\n\r\n{"',
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "a huge chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{",
}


class Dripping:
    """A client that goes on sending a byte now and then, until the service ends it."""

    def __init__(self, service: Service, begun: bytes) -> None:
        self.sock = connect(service)
        self.sock.sendall(begun)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()

    def _drip(self) -> None:
        try:
            while not self._stop.wait(0.1):
                self.sock.sendall(b"a")
        except OSError:
            pass  # it has been ended

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.sock.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("slow")
    running = Service(
        folder / "log",
        CUSTOMERS_DATA_DIR=str(folder / "data"),
        CUSTOMERS_WORKERS="1",
        CUSTOMERS_THREADS=str(THREADS),
        CUSTOMERS_REQUEST_TIMEOUT="2",
    )
    yield running
    running.stop()


@pytest.fixture
def drip(service: Service) -> Iterator[Callable[[bytes], list[Dripping]]]:
    clients: list[Dripping] = []

    def begin(begun: bytes) -> list[Dripping]:
        clients.extend(Dripping(service, begun) for _ in range(SLOW))
        return clients

    yield begin
    for client in clients:
        client.stop()


def is_ended(sock: socket.socket) -> bool:
    """Return whether the service has closed the connection, whatever it said before; wait ten seconds for it."""
    with contextlib.suppress(ConnectionError):
        read_all(sock)
    return True


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN.keys())
def test_others_are_served_beside_slow_clients_which_are_cut_off_in_the_end(
    service: Service, drip: Callable[[bytes], list[Dripping]], begun: bytes
) -> None:
    clients = drip(begun)

    assert [service.call("GET", "/readyz", timeout=2)[0] for _ in range(10)] == [200] * 10
    assert all(is_ended(client.sock) for client in clients)
    assert [line for line in service.lines() if line["level"] == "error"] == []


def test_more_slow_clients_than_threads_keep_others_waiting_only_until_they_are_cut_off(
    service: Service, drip: Callable[[bytes], list[Dripping]]
) -> None:
    drip(BEGUN["headers"])
    drip(BEGUN["headers"])

    assert service.call("GET", "/readyz", timeout=10)[0] == 200


def test_a_client_that_reads_nothing_is_cut_off(service: Service) -> None:
    with connect(service) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        worker = psutil.Process(service.process.pid).children()[0]

        # As many megabytes do not fit into what is between the two; so the service waits, and then no more.
        wait_until(lambda: connected(worker, sock))
        wait_until(lambda: not connected(worker, sock))


def connected(worker: psutil.Process, sock: socket.socket) -> bool:
    """Return whether the service holds its end of a connection."""
    return any(
        conn.raddr and conn.raddr.port == sock.getsockname()[1] and conn.status == psutil.CONN_ESTABLISHED
        for conn in worker.net_connections("tcp")
    )


def test_a_connection_that_is_kept_between_requests_is_not_cut_off(service: Service) -> None:
    with connect(service) as sock:
        for _ in range(2):
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read(sock).status == 200
            # Longer than a request may take; that nothing comes, not even the end, is what is tested.
            sock.settimeout(4)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            sock.settimeout(10)
