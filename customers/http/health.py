"""For the orchestrator and for Prometheus: is the process up, can it serve, and what does it count."""

from collections.abc import Iterable

import marshmallow as ma
from flask import Response
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from customers.db import migrate
from customers.db.engine import Database
from customers.http import access, context
from customers.http.answers import answers
from customers.http.openapi import Blueprint, noted
from customers.telemetry import metrics

blueprint = Blueprint("health", __name__, description="For the orchestrator")


class Health(ma.Schema):
    """How the service is."""

    status = ma.fields.String(required=True, metadata={"enum": ["ok"]})


@blueprint.route("/healthz", methods=["GET"])
@answers(200, Health)
@access.public
@noted(without_database=True)
def get_liveness() -> dict[str, str]:
    """Tell whether the process answers; a restart would not mend the database, so it is not asked."""
    return {"status": "ok"}


@blueprint.route("/readyz", methods=["GET"])
@answers(200, Health)
@access.public
def get_readiness() -> dict[str, str]:
    """Tell whether requests can be served: the database answers, with a schema not older than this service."""
    ctx = context.current()
    migrate.check(ctx.db)
    if ctx.evershop is not None:
        ctx.evershop.require_setup(ctx.db)
    return {"status": "ok"}


# Mail by the index of what is due, at most 10,000: a backlog beyond that changes nothing about what is to be done.
STATE = text("""
    SELECT (SELECT count(*)
              FROM pg_stat_activity
             WHERE application_name = 'customers'
               AND datname = current_database()) AS connections,
           (SELECT count(*)
              FROM outbox_mail
             WHERE failed_at IS NOT NULL
               AND sent_at IS NULL) AS given_up,
           count(*) AS waiting,
           coalesce(extract(epoch FROM max(now() - created_at)), 0) AS oldest_seconds
      FROM (SELECT created_at
              FROM outbox_mail
             WHERE sent_at IS NULL
               AND failed_at IS NULL
             LIMIT 10000) AS due
""")


class State(Collector):
    """What no worker counts but the database knows, asked at each scrape."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; only that the database is away while it is."""
        up = ("customers_database_up", "Whether the database answers, and has its schema")
        try:
            with self._db.autocommit() as conn:
                row = conn.execute(STATE).one()
        except SQLAlchemyError:
            yield GaugeMetricFamily(*up, value=0)
            return
        yield GaugeMetricFamily(*up, value=1)
        for name, about, value in (
            ("customers_database_connections", "Database connections of all instances", row.connections),
            ("customers_outbox_mails", "Mails that wait to be sent", row.waiting),
            ("customers_outbox_oldest_seconds", "Age of the oldest mail that waits", row.oldest_seconds),
            ("customers_outbox_given_up", "Mails that were given up", row.given_up),
        ):
            yield GaugeMetricFamily(name, about, value=float(value))


# In no OpenAPI document, and by nginx's configuration not for the outside.
@access.public
def get_metrics() -> Response:
    """Return the metrics in Prometheus's text format."""
    exposition = metrics.exposition(State(context.current().db))
    return Response(exposition, content_type="text/plain; version=0.0.4; charset=utf-8")
