"""Requests that nobody expects, as bytes, sent to gunicorn itself: each has a decided answer.

What gunicorn refuses before the application is in the envelope behind nginx only, so those rows have a status alone.
"""

import pytest

from tests.conftest import PASSWORD
from tests.support.service import Service, wait_until
from tests.support.wire import connect, exchange, read

HOST = b"Host: shop.example\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
LOGIN = b"POST /customer/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
FORM = LOGIN.replace(b"customer", b"admin").replace(b"json", b"x-www-form-urlencoded")
CHUNKS = b"\r\n2\r\n{}\r\n0\r\n\r\n"
SECRET = PASSWORD.encode()
SETTINGS = {"CUSTOMERS_LOG_LEVEL": "debug"}

# What is sent, and the status of the answer, or its code where the application answers with an error.
SENT: dict[str, tuple[bytes, int | str]] = {
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "not_found"),
    "a bad escape": (b"GET /healthz?%zz&%00&%ff HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "a path by header": (GET + b"SCRIPT_NAME: /healthz\r\nPATH_INFO: /docs\r\nSCRIPT-NAME: /x\r\n\r\n", 200),
    "bytes in a header": (GET + b"X-Session-ID: \xff\xfe\r\n\r\n", 200),
    "a control character": (GET + b"X-Session-ID: \x01" + SECRET + b"\r\n\r\n", 400),
    "chunks": (LOGIN + b"Transfer-Encoding: chunked\r\n" + CHUNKS, "invalid_input"),
    "a length and chunks": (LOGIN + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" + CHUNKS, 400),
    "a chunk after a line feed": (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", "malformed_json"),
    "a chunk longer than it says": (
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}" + SECRET + b"\r\n0\r\n\r\n", "malformed_json"),
    "a form in no chunks": (
        FORM + b"Transfer-Encoding: chunked\r\n\r\npassword=" + SECRET + b"\r\n\r\n", 400),
    "an unknown coding": (LOGIN + b"Transfer-Encoding: " + SECRET + b"\r\n\r\n", 501),
    "two lengths": (LOGIN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400),
    "a length too small: the rest is the next request": (
        LOGIN + b"Content-Length: 2\r\n\r\n{}" + SECRET + b"\r\n\r\n", "invalid_input"),
    "a length that is no number": (LOGIN + b"Content-Length: x" + SECRET + b"\r\n\r\n", 400),
    "an endless body, refused at once": (LOGIN + b"Content-Length: 99999999999999999999\r\n\r\n{}", "body_too_large"),
}  # fmt: skip


def test_what_nobody_expects_has_its_answer_and_nothing_of_it_is_logged(service: Service) -> None:
    """Gunicorn logged the bytes that it could not read, a password among them."""
    answers = {what: exchange(service, sent) for what, (sent, _) in SENT.items()}

    assert {what: answer.code or answer.status for what, answer in answers.items()} == {
        what: expected for what, (_, expected) in SENT.items()
    }
    service.call("GET", "/healthz")
    wait_until(lambda: service.lines()[-1].get("path") == "/healthz")
    refused = [line["message"] for line in service.lines() if "Invalid request from ip=127.0.0.1: " in line["message"]]
    assert {message.split()[-1] for message in refused} >= {"InvalidRequestMethod", "InvalidHeader"}
    assert PASSWORD.split()[1] not in service.log.read_text()
    assert service.answers()
    assert [line for line in service.lines() if line["level"] == "error"] == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_is_still_sending_too_large_a_body_gets_to_read_the_413(service: Service, chunked: bool) -> None:
    """The service closed the connection on what it had not read: the client saw EPIPE in place of the answer."""
    size = 16 * 2**20
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b" " * size) if chunked else b" " * size

    with connect(service) as sock:
        sock.sendall(LOGIN + length + b"\r\n\r\n")
        sock.sendall(body)
        answer = read(sock)

    assert (answer.status, answer.code) == (413, "body_too_large")
