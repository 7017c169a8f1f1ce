"""gunicorn's worker with threads, which leaves nobody waiting: not who sends slowly, and not who comes at its end."""

import contextlib
import time
from socket import SHUT_RDWR
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """A worker that cuts off a request that takes too long, and at its end accepts whoever waits.

    By itself it waits without an end for the rest of a request that has begun, a thread for each, and at its end it
    leaves connections that have not been accepted; see customers/stopping.py.
    """

    sockets: list[Any]
    longest = 30.0  # seconds for a request, be it that its client sends or reads too slowly

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

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections, or do not; for a worker that is to end, that is the last word."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._accept_waiting(listener)
                # Where others go on with the socket, it stays open; the last to close it turns clients away.
                listener.close()
            self.sockets = []

    def _accept_waiting(self, listener: Any) -> None:
        listener.setblocking(False)
        accepted = -1
        while accepted != self.nr_conns:
            accepted = self.nr_conns
            self.accept(listener)
