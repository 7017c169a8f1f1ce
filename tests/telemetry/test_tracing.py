"""Traces: a span for each request and each of its statements, with nothing in them that a caller sent."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from customers.http import context
from customers.telemetry import tracing
from customers.telemetry.logs import JsonFormatter
from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db
from tests.support.service import ANN, Service, sign_up, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(make_app: Callable[..., Flask], spans: InMemorySpanExporter) -> Flask:
    """Return an application on the same database that is traced into memory."""
    app = make_app()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    db = context.of(app).db
    db.cursor_factory = tracing.traced_cursor(provider)
    with db.reading():  # connects, with statements of its own
        pass
    app.wsgi_app = tracing.trace_requests(app.wsgi_app, provider)  # type: ignore[assignment, method-assign]  # as Flask has it
    return app


def of(spans: InMemorySpanExporter, kind: SpanKind) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.kind == kind]


def test_a_request_and_each_of_its_statements_is_a_span(
    traced: Flask, customer: Account, spans: InMemorySpanExporter
) -> None:
    new_client(traced).get(f"{customer.path}/addresses", headers=customer.headers | CALLED)

    (request,) = of(spans, SpanKind.SERVER)
    assert request.name == "GET /api/customers/{uuid}/addresses"
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/customers/{uuid}/addresses",
        "http.response.status_code": 200,
    }
    assert request.context
    assert f"{request.context.trace_id:032x}" == TRACE
    statements = [span for span in of(spans, SpanKind.CLIENT) if span.parent and span.parent == request.context]
    assert [span.name for span in statements] == ["SELECT"] * len(statements) != []
    assert all(set(span.attributes or {}) == {"db.system.name", "db.query.text"} for span in statements)


def test_a_statement_on_a_hot_path_is_a_span_too(traced: Flask, customer: Account, spans: InMemorySpanExporter) -> None:
    new_client(traced).get(customer.path, headers=customer.headers)

    (request,) = of(spans, SpanKind.SERVER)
    (statement,) = of(spans, SpanKind.CLIENT)
    assert statement.parent == request.context
    assert set(statement.attributes or {}) == {"db.system.name", "db.query.text"}


def test_no_span_holds_what_a_caller_sent(traced: Flask, spans: InMemorySpanExporter) -> None:
    client = new_client(traced)
    body = {"email": "traced@example.com", "password": PASSWORD, "full_name": "Tess Traced"}
    uuid = client.post("/api/customers", json=body).get_json()["data"]["uuid"]
    login = client.post("/customer/login", json={"email": body["email"], "password": PASSWORD}).get_json()
    client.get(
        f"/api/customers/{uuid}",
        headers={"User-Agent": "Spy/1", "X-Forwarded-For": "203.0.113.9", "Cookie": "a=tell-nobody"},
    )
    client.post("/api/customers", json={**body, "email": "other@example.com"})
    taken = client.patch(f"/api/customers/{uuid}?secret=tell-nobody", json={"email": "other@example.com"})

    text = "".join(span.to_json() for span in spans.get_finished_spans())
    assert taken.status_code == 409
    sent = {
        *body.values(),
        uuid,
        login["data"]["sid"],
        "tell-nobody",
        "Spy",
        "other@",
        "203.0.113.9",
        "127.0.0.1",
        "$2b$",
    }
    assert [secret for secret in sent if secret in text] == []


def test_a_5xx_and_its_statement_are_marked_and_unknown_paths_and_methods_have_no_names(
    traced: Flask, customer: Account, spans: InMemorySpanExporter, db: Db
) -> None:
    client = new_client(traced)
    client.open("/nothing/here", method="BREW")
    db.execute("ALTER TABLE customer_address RENAME COLUMN city TO hidden")
    try:
        client.get(f"{customer.path}/addresses", headers=customer.headers)
    finally:
        db.execute("ALTER TABLE customer_address RENAME COLUMN hidden TO city")

    unknown, failed = of(spans, SpanKind.SERVER)
    statement = of(spans, SpanKind.CLIENT)[-1]
    assert (unknown.name, unknown.status.status_code) == ("_OTHER", StatusCode.UNSET)
    assert (failed.name, failed.status.status_code) == ("GET /api/customers/{uuid}/addresses", StatusCode.ERROR)
    assert statement.status.status_code == StatusCode.ERROR
    # PostgreSQL's messages repeat values.
    assert (list(failed.events), list(statement.events), statement.status.description) == ([], [], None)


def test_a_line_written_during_a_traced_request_names_its_trace(
    traced: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []
    handler = logging.StreamHandler()
    handler.emit = lambda record: lines.append(JsonFormatter().format(record))  # type: ignore[method-assign]
    caplog.set_level(logging.INFO)
    logging.getLogger("customers.access").addHandler(handler)
    try:
        new_client(traced).get("/healthz", headers=CALLED)
    finally:
        logging.getLogger("customers.access").removeHandler(handler)

    assert [json.loads(line)["trace_id"] for line in lines] == [TRACE]


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, None),
        (ENDPOINT, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "Console"}, "console"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, None),
    ],
)
def test_opentelemetrys_own_variables_switch_it_on(environ: dict[str, str], exporter: str | None) -> None:
    assert tracing.exporter(environ) == exporter
    assert tracing.fault(environ) is None


def test_the_reason_for_no_traces_is_logged_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = tracing.fault({"OTEL_TRACES_EXPORTER": "zipkin"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = tracing.fault(ENDPOINT)

    assert unknown
    assert "zipkin" in unknown
    assert missing
    assert "otel" in missing
    assert tracing.start(ENDPOINT) is None


@pytest.fixture
def collector() -> Iterator[Any]:
    """Return an OpenTelemetry collector: where it listens, and what it got."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("app")
def test_workers_send_their_traces_to_a_collector(serve: Callable[..., Service], database: str, collector: Any) -> None:
    address, received = collector
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    service: Service = serve(database, OTEL_BSP_SCHEDULE_DELAY="100", **settings)
    path, header = sign_up(service, ANN["email"])
    service.call("GET", path, headers={**header, **CALLED, "X-Request-ID": "find-me"})

    def found() -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(received)]
        scopes = [scope for request in requests for each in request.resource_spans for scope in each.scope_spans]
        return [span for scope in scopes for span in scope.spans if span.trace_id.hex() == TRACE]

    # A thread's first request connects, with statements of its own.
    wait_until(lambda: {span.name for span in found()} > {"GET /api/customers/{uuid}"})
    (line,) = [line for line in service.lines() if line.get("request_id") == "find-me"]
    assert line["trace_id"] == TRACE
    for secret in (PASSWORD, ANN["email"], header["X-Session-ID"], path.rsplit("/", 1)[1]):
        assert secret.encode() not in b"".join(received)
    assert b"customers" in b"".join(received)
    assert service.stop() == 0
