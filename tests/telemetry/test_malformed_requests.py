"""What gunicorn logs of a request that it cannot read: that there was one, and nothing of what it held."""

import json
import socket
from collections.abc import Callable

from tests.conftest import PASSWORD
from tests.support.service import Service, wait_until
from tests.support.wire import connect, read_all

BODY = json.dumps({"email": "ann@example.com", "password": PASSWORD}).encode()
JSON = b"Host: shop.example\r\nContent-Type: application/json\r\n"
LOGIN = b"POST /customer/login HTTP/1.1\r\n" + JSON
SECRET = PASSWORD.encode()

# The body's rest is taken for the next request; the bytes of a chunk for its size; and so on.
MALFORMED = {
    "a Content-Length that is too small": LOGIN + b"Content-Length: 9\r\n\r\n" + BODY + b"\r\n\r\n",
    "a Content-Length that is no number": LOGIN + b"Content-Length: x" + SECRET + b"\r\n\r\n" + BODY,
    "a chunk that is longer than it says": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an unknown coding": LOGIN + b"Transfer-Encoding: " + SECRET + b"\r\n\r\n" + BODY,
    "a form without a size": b"POST /admin/login HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\npassword=" + SECRET + b"\r\n\r\n",
    "a header with a space in its name": b"GET / HTTP/1.1\r\nX " + SECRET + b": 1\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nX-Session-ID: a\r\n " + SECRET + b"\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nX-Session-ID: \x01" + SECRET + b"\r\n\r\n",
    "a method in lower case": b"post-" + SECRET.replace(b" ", b"-") + b" / HTTP/1.1\r\n\r\n",
    "a version": b"GET / HTTP/" + SECRET + b"\r\n\r\n",
    "a query with spaces": b"GET /?password=" + SECRET + b" HTTP/1.1\r\n\r\n",
    "a line that breaks off": b"GET /?password=" + SECRET,
    "no HTTP at all": SECRET + b"\r\n\r\n",
}


def test_no_content_of_a_malformed_request_is_in_any_line(serve: Callable[..., Service], database: str) -> None:
    service = serve(database, CUSTOMERS_LOG_LEVEL="debug", CUSTOMERS_WORKERS="1")

    for request in MALFORMED.values():
        with connect(service) as sock:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)
    service.call("GET", "/healthz")
    wait_until(lambda: service.lines()[-1].get("path") == "/healthz")

    text = service.log.read_text()
    assert "horse" in PASSWORD
    assert "horse" not in text
    assert BODY.decode()[9:20] not in text
    refused = [line for line in service.lines() if line["message"].startswith("Invalid request from ip=127.0.0.1: ")]
    assert {line["message"].split()[-1] for line in refused} >= {"InvalidRequestMethod", "InvalidHeader"}
    assert len(refused) >= len(MALFORMED) / 2
    assert not [line for line in service.lines() if line["level"] == "error"]
