"""What goes over the wire, byte by byte, to the service as it is run."""

import http.client
import json
import socket
from typing import Any, NamedTuple

from tests.support.service import Service


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: Any

    @property
    def code(self) -> str | None:
        return (self.body.get("error") or {}).get("code")


def connect(service: Service) -> socket.socket:
    """Return a connection; what does not come within half a minute is a TimeoutError."""
    return socket.create_connection(("127.0.0.1", service.port), timeout=30)


def read(sock: socket.socket) -> Answer:
    response = http.client.HTTPResponse(sock)
    response.begin()
    text = response.read()
    is_ours = response.headers.get_content_type() == "application/json"  # and not gunicorn's own
    return Answer(response.status, response.headers, json.loads(text) if is_ours else {})


def exchange(service: Service, sent: bytes) -> Answer:
    with connect(service) as sock:
        sock.sendall(sent)
        return read(sock)
