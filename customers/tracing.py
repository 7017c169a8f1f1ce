"""Traces by OpenTelemetry, where its packages are installed (extra `otel`) and its variables ask for them.

A span for each request, and below it one for each statement. Written by hand: the packages that instrument Flask and
psycopg put query strings, addresses and headers into spans, and here nothing goes out but rules, statuses and the
text of statements, in which parameters are names.
"""

import importlib.util
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request

from customers import __version__
from customers.database import Database
from customers.metrics import METHODS, template

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORTERS = ("otlp", "console")


def exporter(environ: Mapping[str, str]) -> str | None:
    """Return which exporter OpenTelemetry's own variables ask for, None if none."""
    values = {name: value.strip().lower() for name, value in environ.items() if name.startswith("OTEL_")}
    if values.get("OTEL_SDK_DISABLED") == "true":
        return None
    asked = values.get("OTEL_TRACES_EXPORTER") or ("otlp" if any(values.get(name) for name in _ENDPOINTS) else "none")
    return None if asked == "none" else asked


def fault(environ: Mapping[str, str]) -> str | None:
    """Return why there will be no traces although they are asked for, or None."""
    asked = exporter(environ)
    if asked is None:
        return None
    if asked not in _EXPORTERS:
        return f"OTEL_TRACES_EXPORTER is {asked}, and only {' and '.join(_EXPORTERS)} are known: no traces"
    if importlib.util.find_spec("opentelemetry") is None:
        return "OpenTelemetry is asked for by its variables and not installed (extra: otel): no traces"
    return None


def start(app: Flask, environ: Mapping[str, str]) -> "TracerProvider | None":
    """Trace an application's requests from now on, if that is asked for; return what is to be shut down at the end.

    To be called in the process that serves: what sends the spans is a thread, which does not survive a fork.
    """
    asked = exporter(environ)
    if asked is None or fault(environ):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    own = {"service.version": __version__} | ({} if environ.get(OTEL_SERVICE_NAME) else {"service.name": "customers"})
    provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter() if asked == "otlp" else ConsoleSpanExporter()))
    install(app, provider)
    return provider


def stop(provider: "TracerProvider", timeout: float = 3) -> None:
    """Send what has not been sent, for at most so many seconds.

    OpenTelemetry itself would wait longer for a collector that is away, and a restart with it.
    """
    last = threading.Thread(target=provider.shutdown, daemon=True)
    last.start()
    last.join(timeout)


def install(app: Flask, provider: "TracerProvider") -> None:
    """Have an application's requests and statements traced."""
    tracer = provider.get_tracer("customers", __version__)
    _trace_requests(app, tracer)
    resources = app.extensions["customers"]
    for database in (resources.database, *([resources.replica.database] if resources.replica else [])):
        _trace_statements(database, tracer)


def _trace_requests(app: Flask, tracer: "Tracer") -> None:
    from opentelemetry import context, trace
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, Status, StatusCode

    def begin() -> None:
        method = request.method if request.method in METHODS else "_OTHER"
        g.span = tracer.start_span(
            method,
            context=extract(request.headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        )
        g.span_token = context.attach(trace.set_span_in_context(g.span))
        g.trace_id = trace.format_trace_id(g.span.get_span_context().trace_id)

    def describe(response: Response) -> Response:
        g.span.set_attribute("http.response.status_code", response.status_code)
        if request.url_rule:
            route = template(request.url_rule.rule)
            g.span.set_attribute("http.route", route)
            g.span.update_name(f"{request.method} {route}")
        if response.status_code >= 500:
            g.span.set_status(Status(StatusCode.ERROR))
        return response

    def end(_: BaseException | None) -> None:
        if "span" in g:
            g.pop("span").end()
            context.detach(g.pop("span_token"))

    # Before the hooks that may refuse a request.
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request(describe)
    app.teardown_request(end)


def _trace_statements(database: Database, tracer: "Tracer") -> None:
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, Status, StatusCode

    def begin(_conn: Any, _cursor: Any, statement: str, _values: Any, execution: Any, _many: bool) -> None:
        if trace.get_current_span().is_recording():
            text = " ".join(statement.split())
            execution.span = tracer.start_span(
                text.partition(" ")[0],
                kind=SpanKind.CLIENT,
                attributes={"db.system.name": "postgresql", "db.query.text": text},
            )

    def end(_conn: Any, _cursor: Any, _statement: str, _values: Any, execution: Any, _many: bool) -> None:
        if hasattr(execution, "span"):
            execution.span.end()

    def fail(failure: Any) -> None:
        if hasattr(failure.execution_context, "span"):
            # Without the exception: PostgreSQL's messages repeat values.
            failure.execution_context.span.set_status(Status(StatusCode.ERROR))
            failure.execution_context.span.end()

    database.listen("before_cursor_execute", begin)
    database.listen("after_cursor_execute", end)
    database.listen("handle_error", fail)
