"""What gunicorn answers by itself, to what is not HTTP or too long to be read: in the envelope, like all else."""

import json
import uuid
from http import HTTPStatus
from socket import socket

from gunicorn import util

from customers.answers import NO_PAGE, envelope, of_status


def write_error(sock: socket, status_int: int, reason: str, mesg: str) -> None:
    """Answer in place of gunicorn's own function, with the same parameters; it would write HTML that repeats the input.

    ``reason`` and ``mesg`` are not used: the status says enough, and gunicorn has logged the rest.
    """
    status = HTTPStatus(status_int)
    body = json.dumps(envelope(of_status(status))).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"X-Request-ID: {uuid.uuid4().hex}\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in NO_PAGE.items())
        + "\r\n"
    )
    util.write_nonblock(sock, head.encode() + body)
