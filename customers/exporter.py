"""`/metrics` for Prometheus: a process beside the workers that adds up what they count.

It has an address of its own, so that no metric is ever served to the public, and an interpreter of its own, so that a
scrape waits for no request.
"""

import atexit
import contextlib
import errno
import logging
import os
import signal
import socket
import socketserver
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from prometheus_client import CollectorRegistry, MetricsHandler
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from customers import __version__
from customers.config import Settings
from customers.countfiles import CountFiles
from customers.database import Database
from customers.outbox import sql as outbox
from customers.resources import database_url

log = logging.getLogger(__name__)


def start(files: CountFiles, settings: Settings, address: tuple[str, int]) -> None:
    """Fork the process that serves; it ends with this one. Raises OSError if the address is not to be had."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(files.directory))
    registry.register(State(settings))
    server = Server(address, registry)
    process = os.fork()
    if process:
        server.server_close()
        atexit.register(_stop, process)
        return
    try:
        files.adopt("exporter")
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the master says when to end
        server.serve_forever()
    finally:
        os._exit(0)  # nothing of what the master does at its end


def _stop(process: int) -> None:
    # Only one that is still this process's child: its number may be another's by now. A worker has no such child.
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(process, os.WNOHANG) == (0, 0):
            os.kill(process, signal.SIGTERM)
            os.waitpid(process, 0)


class State:
    """What no worker counts: the version, and the database, asked at each scrape."""

    def __init__(self, settings: Settings) -> None:
        # In all less than Prometheus waits for a scrape, which is 10 seconds.
        impatient = replace(settings, pool_size=1, pool_timeout=1, connect_timeout=2, statement_timeout=1)
        self._database = Database(lambda: database_url(settings), impatient)

    def describe(self) -> list[Metric]:
        """Return nothing; without this, prometheus-client would collect once to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; without those of the outbox while the database is away."""
        yield InfoMetricFamily("customers_build", "The version of the service", {"version": __version__})
        waiting = None
        # The workers log why the database does not answer.
        with contextlib.suppress(SQLAlchemyError), self._database.reading() as conn:
            waiting = outbox.measure(conn)
        yield GaugeMetricFamily(
            "customers_database_up", "Whether the database answers, and has its schema", value=waiting is not None
        )
        if waiting is not None:
            yield GaugeMetricFamily("customers_outbox_mails", "Mails that wait to be sent", value=waiting.mails)
            yield GaugeMetricFamily(
                "customers_outbox_oldest_seconds", "For how long the oldest of them waits", value=waiting.seconds
            )


class _Handler(MetricsHandler):
    """Answers `GET /metrics`, and nothing else."""

    timeout = 10  # seconds for a client to send its request and to take the answer

    def do_GET(self) -> None:  # noqa: N802  # the name that http.server calls
        """Answer."""
        if self.path.partition("?")[0] == "/metrics":
            super().do_GET()
        else:
            self.send_error(404)


class Server(socketserver.ThreadingTCPServer):
    """A small HTTP server that listens as soon as it is made. It ends when the process that made it does."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry) -> None:
        """Listen. Raises OSError."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._parent = os.getpid()
        super().__init__(address, _Handler.factory(registry))

    def server_bind(self) -> None:
        """Bind. What belonged to a service that was killed may need a moment to end, and leave its port."""
        for _ in range(20):
            try:
                return super().server_bind()
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            time.sleep(0.1)
        return super().server_bind()

    def service_actions(self) -> None:
        """End if the master was killed; asked twice a second."""
        if os.getpid() != self._parent != os.getppid():
            sys.exit()

    def handle_error(self, *_: object) -> None:
        """Log a fault as all else is logged."""
        log.warning("a scrape of the metrics failed", exc_info=True)  # noqa: LOG014  # called where it is handled
