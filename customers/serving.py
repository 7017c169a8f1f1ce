"""What gunicorn is made to do otherwise: its own errors in the envelope, and an end to requests that take for ever."""

import contextlib
import json
import time
import uuid
from http import HTTPStatus
from socket import SHUT_RDWR, socket

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from customers.answers import envelope, other


def write_error(sock: socket, status_int: int, reason: str, mesg: str) -> None:
    """Answer in place of gunicorn's own function, with the same parameters; it would write HTML that repeats the input.

    ``reason`` and ``mesg`` are not used: the status says enough, and gunicorn has logged the rest.
    """
    status = HTTPStatus(status_int)
    body = json.dumps(envelope(other(status))).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"X-Request-ID: {uuid.uuid4().hex}\r\n"
        "\r\n"
    )
    util.write_nonblock(sock, head.encode() + body)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """A worker that cuts off a request that takes too long, be it that its client sends or reads too slowly.

    By itself it waits without an end for the rest of a request that has begun, a thread for each.
    """

    longest = 30.0  # seconds

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._begun: dict[TConn, float] = {}

    def handle(self, conn: TConn) -> object:
        """Serve the next request of a connection, in a thread."""
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def murder_pending(self) -> None:
        """Close what waits too long; runs about once a second, outside of the threads."""
        super().murder_pending()
        latest = time.monotonic() - self.longest
        for conn in [conn for conn, begun in self._begun.copy().items() if begun < latest]:
            with contextlib.suppress(OSError):  # just closed
                conn.sock.shutdown(SHUT_RDWR)  # its thread sees the end of the connection
