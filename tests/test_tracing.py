"""Traces: a span for each request and each of its statements, and nothing in them that a caller sent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app import create_app
from customers import tracing
from customers.config import Settings
from customers.telemetry.logs import JsonFormatter
from tests.conftest import PASSWORD, Account
from tests.support.service import ANN, Service, sign_up, wait_until
from tests.test_logs import record

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(app: Flask, settings: Settings, spans: InMemorySpanExporter) -> Iterator[Flask]:
    """Return an application on the same database that is traced into memory."""
    made = create_app(settings)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracing.install(made, provider)
    yield made
    made.extensions["customers"].database.close()


def of(spans: InMemorySpanExporter, kind: SpanKind) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.kind == kind]


def test_a_request_is_a_span_and_so_is_each_of_its_statements(
    traced: Flask, customer: Account, spans: InMemorySpanExporter
) -> None:
    traced.test_client().get(f"{customer.path}?x=tell-nobody", headers=customer.headers | CALLED)
    traced.test_client().get(customer.path, headers=customer.headers | CALLED)

    _, request = of(spans, SpanKind.SERVER)
    assert request.name == "GET /api/customers/{uuid}"
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/customers/{uuid}",
        "http.response.status_code": 200,
    }
    assert request.context
    assert f"{request.context.trace_id:032x}" == TRACE
    statements = [span for span in of(spans, SpanKind.CLIENT) if span.parent and span.parent == request.context]
    assert [span.name for span in statements] == ["SELECT", "SELECT"]
    assert all(set(span.attributes or {}) == {"db.system.name", "db.query.text"} for span in statements)


def test_no_span_holds_what_a_caller_sent(traced: Flask, spans: InMemorySpanExporter) -> None:
    client = traced.test_client()
    body = {"email": "traced@example.com", "password": PASSWORD, "full_name": "Tess Traced"}
    uuid = client.post("/api/customers", json=body).get_json()["data"]["uuid"]
    login = client.post("/customer/login", json={"email": body["email"], "password": PASSWORD}).get_json()
    client.get(
        f"/api/customers/{uuid}?secret=tell-nobody", headers={"User-Agent": "Spy/1", "X-Forwarded-For": "203.0.113.9"}
    )
    client.post("/api/customers", json={**body, "email": "other@example.com"})
    taken = client.patch(f"/api/customers/{uuid}", json={"email": "other@example.com"})

    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert taken.status_code == 409
    # PostgreSQL's message repeats the address that is taken.
    (failed,) = [span for span in of(spans, SpanKind.CLIENT) if span.status.status_code == StatusCode.ERROR]
    assert failed.name == "UPDATE"
    for secret in (
        *body.values(),
        uuid,
        login["data"]["sid"],
        "tell-nobody",
        "Spy",
        "other@",
        "203.0.113.9",
        "127.0.0.1",
        "$2b$",
    ):
        assert secret not in told


def test_what_fails_is_marked_and_paths_and_methods_nobody_knows_have_no_names(
    traced: Flask, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = traced.test_client()
    client.open("/nothing/here", method="BREW")
    broken = create_app(traced.extensions["customers"].settings)
    monkeypatch.setitem(traced.extensions, "customers", broken.extensions["customers"])
    monkeypatch.setattr(broken.extensions["customers"].database, "reading", lambda: 1 / 0)
    client.get("/readyz")

    unknown, failed = of(spans, SpanKind.SERVER)
    assert (unknown.name, unknown.status.status_code) == ("_OTHER", StatusCode.UNSET)
    assert (failed.name, failed.status.status_code) == ("GET /readyz", StatusCode.ERROR)
    assert list(failed.events) == []


def test_a_line_written_during_a_traced_request_names_its_trace(traced: Flask) -> None:
    with traced.test_request_context("/healthz", headers=CALLED):
        traced.preprocess_request()
        line = json.loads(JsonFormatter().format(record()))

    assert line["trace_id"] == TRACE


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


def test_what_cannot_be_done_is_said(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = tracing.fault({"OTEL_TRACES_EXPORTER": "zipkin"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = tracing.fault(ENDPOINT)

    assert unknown
    assert "zipkin" in unknown
    assert missing
    assert "otel" in missing
    assert tracing.start(app, ENDPOINT) is None


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


def test_workers_send_their_traces_to_a_collector(tmp_path: Path, serve: Any, collector: Any) -> None:
    address, received = collector
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    service: Service = serve(tmp_path / "data", OTEL_BSP_SCHEDULE_DELAY="100", **settings)
    path, header = sign_up(service, ANN["email"])
    service.call("GET", path, headers={**header, **CALLED, "X-Request-ID": "find-me"})

    def found() -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(received)]
        spans = [
            span
            for one in requests
            for all_ in one.resource_spans
            for scope in all_.scope_spans
            for span in scope.spans
        ]
        return [span for span in spans if span.trace_id.hex() == TRACE]

    wait_until(lambda: len(found()) == 3)
    assert sorted(span.name for span in found()) == ["GET /api/customers/{uuid}", "SELECT", "SELECT"]
    (line,) = [line for line in service.lines() if line.get("request_id") == "find-me"]
    assert line["trace_id"] == TRACE
    for secret in (PASSWORD, ANN["email"], header["X-Session-ID"], path.rsplit("/", 1)[1]):
        assert secret.encode() not in b"".join(received)
    assert b"customers" in b"".join(received)
    assert service.stop() == 0
