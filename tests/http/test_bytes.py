"""Requests that nobody expects, as bytes: each has a decided answer, and none is a way past a proxy in front.

Sent to gunicorn itself. What it refuses before the application is in the envelope behind nginx only, whose
configuration has tests of its own; so those rows have a status alone (CONTRACT section 4).
"""

import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.conftest import PASSWORD
from tests.support.service import Service, sign_up, wait_until
from tests.support.wire import connect, exchange, read, read_all

GET = b"GET /healthz HTTP/1.1\r\n"
LOGIN = b"POST /customer/login HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n"
HOST = b"Host: shop.example\r\n"
CHUNKS = b"\r\n2\r\n{}\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def service(database: str, shared_app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"CUSTOMERS_WORKERS": "1", "CUSTOMERS_BCRYPT_ROUNDS": "4"}
    running = Service(tmp_path_factory.mktemp("wire") / "log", CUSTOMERS_DATABASE_URL=database, **settings)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_fault(service: Service) -> Iterator[None]:
    """Whatever is sent, the service stays up and logs no fault."""
    yield
    assert service.answers()
    assert [line for line in service.lines() if line["level"] == "error"] == []


LINES = {
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 400),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    "HTTP/2": (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    "HTTP/2 by its preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2 by an upgrade": (GET + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 20 + b"\r\n\r\n", 400),
    "the PROXY protocol": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + HOST + b"\r\n", 400),
    "a method in lower case": (b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no method": (b" /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT shop.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an absolute address": (b"GET http://elsewhere.example/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "bytes in the path": (b"GET /\xc3\xbc HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "NUL in the path": (b"GET /api/customers/%00 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a slash in two bytes": (b"GET /api%c0%afcustomers HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a written-out slash": (b"GET /api/..%2fhealthz HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a parent": (b"GET /api/../healthz HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a file elsewhere": (b"GET /docs/assets/..%2f..%2f__init__.py HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "two slashes within": (b"GET /api//customers HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "two slashes first": (b"GET //healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "a matrix parameter": (b"GET /healthz;x=1 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a bad escape": (b"GET /healthz?%zz&%00&%ff HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "a long query": (b"GET /healthz?" + b"q" * 4000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 200),
}


@pytest.mark.parametrize(("sent", "status"), LINES.values(), ids=LINES.keys())
def test_a_request_line(service: Service, sent: bytes, status: int) -> None:
    assert exchange(service, sent).status == status


HEADERS = {
    "no Host": (b"", 200),
    "two Hosts": (HOST + HOST, 400),
    "a Host with a blank": (b"Host: shop example\r\n", 200),
    "a Host that is not ASCII": (b"Host: sh\xc3\xb6p.example\r\n", 200),
    "a Host with an underscore": (b"Host: customers_web:8000\r\n", 200),
    "another's Host": (b"Host: elsewhere.example\r\n", 200),
    "a folded line": (HOST + b"X: a\r\n b\r\n", 400),
    "a lone line feed": (HOST + b"X: a\nY: b\r\n", 400),
    "a lone carriage return": (HOST + b"X: a\rY: b\r\n", 400),
    "NUL": (HOST + b"X: a\0b\r\n", 400),
    "a blank in the name": (HOST + b"X Y: a\r\n", 400),
    "a blank after the name": (HOST + b"X : a\r\n", 400),
    "no name": (HOST + b": a\r\n", 400),
    "bytes": (HOST + b"X-Session-ID: \xff\xfe\r\n", 200),
    "a long one": (HOST + b"X: " + b"a" * 8000 + b"\r\n", 200),
    "a longer one": (HOST + b"X: " + b"a" * 9000 + b"\r\n", 431),
    "a longer cookie": (HOST + b"Cookie: a=" + b"a" * 9000 + b"\r\n", 431),
    "a range": (HOST + b"Range: bytes=0-1\r\n", 200),
    "a path by header": (HOST + b"SCRIPT_NAME: /healthz\r\nPATH_INFO: /docs\r\n", 200),
    "a path by header with a dash": (HOST + b"SCRIPT-NAME: /healthz\r\nPATH-INFO: /docs\r\n", 200),
    "a path by another header": (HOST + b"X-Original-URL: /docs\r\nX-Rewrite-URL: /docs\r\n", 200),
}


@pytest.mark.parametrize(("headers", "status"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header(service: Service, headers: bytes, status: int) -> None:
    assert exchange(service, GET + headers + b"\r\n").status == status


BODIES = {
    "chunks": (b"Transfer-Encoding: chunked\r\n" + CHUNKS, 400, "invalid_input"),
    "chunks in capitals": (b"Transfer-Encoding: CHUNKED\r\n" + CHUNKS, 400, "invalid_input"),
    "a chunk's extension": (b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n", 400, "invalid_input"),
    "a length and chunks": (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" + CHUNKS, 400, None),
    "chunks twice": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + CHUNKS, 400, None),
    "chunks of gzip": (b"Transfer-Encoding: gzip, chunked\r\n" + CHUNKS, 400, "invalid_input"),
    "gzip": (b"Transfer-Encoding: gzip\r\n\r\n{}", 400, None),
    "identity": (b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", 400, None),
    "an unknown coding": (b"Transfer-Encoding: xchunked\r\n" + CHUNKS, 501, None),
    "a blank before the colon": (b"Transfer-Encoding : chunked\r\n" + CHUNKS, 400, None),
    "a control before the value": (b"Transfer-Encoding: \x0bchunked\r\n" + CHUNKS, 400, None),
    "a chunk of negative size": (b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400, "malformed_json"),
    "a chunk of hexadecimal": (b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400, "malformed_json"),
    "a chunk after a line feed": (b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400, "malformed_json"),
    "two lengths": (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400, None),
    "a length twice": (b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, None),
    "a list of lengths": (b"Content-Length: 2, 2\r\n\r\n{}", 400, None),
    "a negative length": (b"Content-Length: -1\r\n\r\n{}", 400, None),
    "a length with a plus": (b"Content-Length: +2\r\n\r\n{}", 400, None),
    "a length with an underscore": (b"Content-Length: 0_2\r\n\r\n{}", 400, None),
    "expecting something": (b"Content-Length: 2\r\nExpect: 200-ok\r\n\r\n{}", 417, None),
}


@pytest.mark.parametrize(("rest", "status", "code"), BODIES.values(), ids=BODIES.keys())
def test_a_body(service: Service, rest: bytes, status: int, code: str | None) -> None:
    answer = exchange(service, LOGIN + rest)

    assert (answer.status, answer.code) == (status, code)


def test_a_trailer_is_no_header(service: Service) -> None:
    chunks = b"\r\n2\r\n{}\r\n0\r\nX-Session-ID: nonsense\r\n\r\n"
    head = b"GET /session HTTP/1.1\r\nHost: a\r\nX-Session-ID: %s\r\nTransfer-Encoding: chunked\r\n"
    sid = sign_up(service, "trailer@example.com")[1]["X-Session-ID"]

    with connect(service) as sock:
        sock.sendall(head % sid.encode() + chunks)
        assert sock.recv(100).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [2**20 + 1, 5 * 2**20, 16 * 2**20])
def test_a_client_that_is_still_sending_too_large_a_body_gets_to_read_the_413(
    service: Service, size: int, chunked: bool
) -> None:
    """The service closed the connection on what it had not read: the client saw EPIPE in place of the answer."""
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b" " * size) if chunked else b" " * size

    with connect(service) as sock:
        sock.sendall(LOGIN + length + b"\r\n\r\n")
        sock.sendall(body)
        answer = read(sock)

    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_body_that_is_too_large_to_be_read_to_its_end_is_refused_at_once(service: Service) -> None:
    answer = exchange(service, LOGIN + b"Content-Length: 99999999999999999999\r\n\r\n{}")

    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_body_is_asked_for_when_the_client_waits_to_be(service: Service) -> None:
    with connect(service) as sock:
        sock.sendall(LOGIN + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")

        assert read(sock).code == "invalid_input"


def test_requests_sent_ahead_are_answered_in_turn(service: Service) -> None:
    health = GET + HOST + b"\r\n"
    # Looks like a request of its own, and is a body that nobody reads.
    unread = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(health) + health

    for first, status in ((health, b"200"), (LOGIN + b"Content-Length: 2\r\n\r\n{}", b"400"), (unread, b"404")):
        with connect(service) as sock:
            sock.sendall(first + b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert re.findall(rb"HTTP/1.1 (\d+)", read_all(sock)) == [status, b"200"]


def test_a_body_that_breaks_off_is_not_acted_upon(service: Service) -> None:
    new = json.dumps({"email": "broken-off@example.com", "password": PASSWORD, "full_name": "Ann"}).encode()
    head = b"POST /api/customers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"

    with connect(service) as sock:
        sock.sendall(head + b"Content-Length: %d\r\n\r\n" % (len(new) + 1) + new)
        sock.shutdown(1)  # no more is sent
        answer = read(sock)

    assert (answer.status, answer.code) == (400, "malformed_json")


def test_a_control_in_a_path_does_not_begin_a_line_in_the_log(service: Service) -> None:
    exchange(service, b"GET /a%0a%c2%85%e2%80%a8b HTTP/1.1\r\nHost: a\r\n\r\n")

    wait_until(lambda: any("\n\x85\u2028" in line.get("path", "") for line in service.lines()))
    assert all(line.isascii() for line in service.log.read_text().split("\n"))
