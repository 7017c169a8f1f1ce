"""What is counted and measured; `docs/metrics.md` says what each metric means, and what to do when it turns red.

No label grows with customers or with what callers send: routes are URL rules, methods and outcomes are short lists. The
workers share their values through prometheus-client's multi-process mode: see gunicorn.conf.py.
"""

import os
import re
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from customers import __version__

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # the variable by which prometheus-client finds the workers' files

# In seconds. A read takes milliseconds, a login what a hash takes; beyond ten, every limit of ours has struck.
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})

_requests = Histogram(
    "customers_http_request_duration_seconds",
    "Time from a request to its answer",
    ["route", "method", "status"],
    buckets=_BUCKETS,
)
logins = Counter("customers_logins", "Attempts to sign in", ["kind", "outcome"])
limit_refusals = Counter("customers_limit_refusals", "Requests refused by a limit", ["limit"])
hashing_jobs = Gauge(
    "customers_hashing_jobs", "Passwords that are being hashed or wait for it", multiprocess_mode="livesum"
)
hashing_seconds = Histogram(
    "customers_hashing_duration_seconds", "Time to hash a password, waiting included", buckets=_BUCKETS
)
hashing_refusals = Counter("customers_hashing_refusals", "Passwords not hashed because too many waited")
mails = Counter("customers_mails", "Mails by what became of them", ["outcome"])
_build = Gauge("customers_build_info", "The version of the service", ["version"], multiprocess_mode="max")
_build.labels(__version__).set(1)

# At zero from the start: a rate over a series that begins with its first event does not see that event.
for _kind in ("customer", "admin"):
    for _outcome in ("ok", "failed", "throttled"):
        logins.labels(_kind, _outcome)
for _limit in (
    "account_and_network",
    "network",
    "account",
    "registrations",
    "reset_requests",
    "email_changes",
    "writes",
):
    limit_refusals.labels(_limit)
for _outcome in ("sent", "retried", "given_up"):
    mails.labels(_outcome)


def request(rule: str | None, method: str, status: int, seconds: float) -> None:
    """Count a request. ``rule`` is the URL rule that it matched, None if none."""
    _series(rule, method if method in METHODS else "other", status).observe(seconds)


@cache
def _series(rule: str | None, method: str, status: int) -> Histogram:
    return _requests.labels(template(rule) if rule else "unmatched", method, str(status))


@cache
def template(rule: str) -> str:
    """Return a URL rule as the OpenAPI document writes it: `/api/customers/{uuid}`."""
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule)


def exposition(more: Collector) -> bytes:
    """Return all metrics in Prometheus's text format: of all workers, and those of one collector more."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(more)
    if DIRECTORY in os.environ:
        MultiProcessCollector(registry)
        return generate_latest(registry)
    return generate_latest(registry) + generate_latest(REGISTRY)
