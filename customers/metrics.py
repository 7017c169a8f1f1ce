"""What is counted and measured. `docs/metrics.md` says what each means, and what to do when it turns red.

No label grows with customers or with what callers send: routes are URL rules, methods and outcomes are short lists.
In gunicorn's workers the values live in files that customers/exporter.py adds up; elsewhere, in memory.
"""

import functools
import re
from typing import Any, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from customers.identity import Kind
from customers.limits.rules import Name

Outcome = Literal["ok", "failed", "throttled"]

# In seconds. A read takes milliseconds, a login what a hash takes; beyond ten, every limit of ours has struck.
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

METHODS = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "customers_http_requests",
            "Requests answered",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "customers_http_request_duration_seconds",
            "Time from a request to its answer",
            ["route", "method"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._logins = Counter("customers_logins", "Attempts to sign in", ["kind", "outcome"], registry=self.registry)
        self._limits_reached = Counter(
            "customers_limit_refusals", "Requests refused by a limit", ["limit"], registry=self.registry
        )
        self._hashing_jobs = Gauge(
            "customers_hashing_jobs",
            "Passwords that are being hashed or wait for it",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._hashing_seconds = Histogram(
            "customers_hashing_duration_seconds",
            "Time to hash a password, waiting included",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._hashing_refusals = Counter(
            "customers_hashing_refusals", "Passwords not hashed because too many waited", registry=self.registry
        )
        self._connections = Gauge(
            "customers_database_connections_in_use",
            "Database connections that requests hold",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._most_connections = Gauge(
            "customers_database_connections_max",
            "Database connections that the workers may hold",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        # At zero from the start: a rate over a series that begins with its first event does not see that event.
        for kind in get_args(Kind):
            for outcome in get_args(Outcome):
                self._logins.labels(kind, outcome)
        for limit in get_args(Name):
            self._limits_reached.labels(limit)

    def begin(self, pool_size: int) -> None:
        """Note what a worker has, as it begins to serve."""
        self._most_connections.set(pool_size)

    def request(self, rule: str | None, method: str, status: int, seconds: float) -> None:
        """Count a request. ``rule`` is the URL rule that it matched, None if none."""
        route = template(rule) if rule else "unmatched"
        method = method if method in METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route, method).observe(seconds)

    def login(self, kind: Kind, outcome: Outcome) -> None:
        """Count an attempt to sign in."""
        self._logins.labels(kind, outcome).inc()

    def limit_reached(self, limit: Name) -> None:
        """Count a request that a limit refused."""
        self._limits_reached.labels(limit).inc()

    def hashing(self, change: Literal[1, -1]) -> None:
        """Note that a password has come to be hashed, or is done."""
        self._hashing_jobs.inc(change)

    def hashed(self, seconds: float) -> None:
        """Note how long a caller waited for a hash."""
        self._hashing_seconds.observe(seconds)

    def hashing_refused(self) -> None:
        """Count a password that was not hashed because too many waited."""
        self._hashing_refusals.inc()

    def connection_taken(self, _: object, record: Any, *__: object) -> None:
        """Note that a database connection is taken from its pool; an event of SQLAlchemy's."""
        record.record_info["counted"] = True
        self._connections.inc()

    def connection_returned(self, _: object, record: Any) -> None:
        """Note that a database connection is back; an event of SQLAlchemy's."""
        # Those that could not be opened come back, too, and were never taken.
        if record.record_info.pop("counted", False):
            self._connections.dec()


@functools.cache
def template(rule: str) -> str:
    """Return a URL rule as the OpenAPI document writes it: `/api/customers/{uuid}`."""
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule)
