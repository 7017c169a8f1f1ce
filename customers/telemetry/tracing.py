"""Traces by OpenTelemetry, where its packages are installed (extra `otel`) and its own variables ask for them.

Written by hand: the packages that instrument WSGI and psycopg put query strings, headers and messages of errors, with
e-mails in them, into spans. Here only routes, statuses and statements go out, in which parameters are names.
"""

import importlib.util
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import psycopg

from customers import __version__
from customers.telemetry.logs import trace_id
from customers.telemetry.metrics import METHODS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

ROUTE = "customers.route"  # in the WSGI environment: the URL template that the request matched
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_CARRIERS = ("traceparent", "tracestate", "baggage")

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


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
    if asked not in (None, "otlp"):
        return f"OTEL_TRACES_EXPORTER is {asked}; only otlp is known: no traces"
    if asked and importlib.util.find_spec("opentelemetry") is None:
        return "OpenTelemetry is asked for by its variables and not installed (extra: otel): no traces"
    return None


def start(environ: Mapping[str, str]) -> "TracerProvider | None":
    """Return a provider of tracers if the environment asks for one. Its thread does not survive a fork."""
    if exporter(environ) is None or fault(environ):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", "customers")
    provider = TracerProvider(resource=Resource.create({"service.version": __version__}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def stop(provider: "TracerProvider", timeout: float = 3) -> None:
    """Send the spans that are left, for at most so many seconds: OpenTelemetry itself would wait longer."""
    last = threading.Thread(target=provider.shutdown, daemon=True)
    last.start()
    last.join(timeout)


def trace_requests(app: Wsgi, provider: "TracerProvider") -> Wsgi:
    """Return a WSGI application that makes a span for each request of ``app``."""
    from opentelemetry import trace
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, Status, StatusCode

    tracer = provider.get_tracer("customers", __version__)

    def traced(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        carrier = {name: environ[f"HTTP_{name.upper()}"] for name in _CARRIERS if f"HTTP_{name.upper()}" in environ}
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else "_OTHER"
        with tracer.start_as_current_span(method, context=extract(carrier), kind=SpanKind.SERVER) as span:

            def started(status: str, headers: Any, exc_info: Any = None) -> Any:
                span.set_attribute("http.response.status_code", int(status[:3]))
                if status.startswith("5"):
                    span.set_status(Status(StatusCode.ERROR))
                return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

            trace_id.set(trace.format_trace_id(span.get_span_context().trace_id))
            span.set_attribute("http.request.method", method)
            try:
                return app(environ, started)
            finally:
                trace_id.set(None)
                if ROUTE in environ:
                    span.set_attribute("http.route", environ[ROUTE])
                    span.update_name(f"{method} {environ[ROUTE]}")

    return traced


def traced_cursor(provider: "TracerProvider") -> type[psycopg.Cursor[Any]]:
    """Return a class of cursors that make a span for each statement that a traced request executes."""
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, Status, StatusCode

    tracer: Tracer = provider.get_tracer("customers", __version__)

    class TracedCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Self:
            if not trace.get_current_span().is_recording():
                return super().execute(query, *args, **kwargs)
            text = " ".join((query.decode() if isinstance(query, bytes) else str(query)).split())
            with tracer.start_as_current_span(
                text.partition(" ")[0],
                kind=SpanKind.CLIENT,
                attributes={"db.system.name": "postgresql", "db.query.text": text},
                record_exception=False,  # PostgreSQL's messages repeat values
                set_status_on_exception=False,
            ) as span:
                try:
                    return super().execute(query, *args, **kwargs)
                except psycopg.Error:
                    span.set_status(Status(StatusCode.ERROR))
                    raise

    return TracedCursor
