"""Traces: a span for each request and each of its statements, with nothing in them that a caller sent."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from flask import Flask
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from customers.http import context
from customers.telemetry import tracing
from tests.conftest import PASSWORD, Account, MakeApp, new_client
from tests.support.answering import Reply, answering
from tests.support.builders import registered
from tests.support.database import Db
from tests.support.service import ANN, Service, sign_up, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class Traced:
    """A client of an application that is traced into memory."""

    def __init__(self, app: Flask) -> None:
        self._spans = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        db = context.of(app).db
        db.cursor_factory = tracing.traced_cursor(provider)
        with db.autocommit():  # connects, with statements of its own
            pass
        app.wsgi_app = tracing.trace_requests(app.wsgi_app, provider)  # type: ignore[assignment, method-assign]  # as Flask has it
        self.client = new_client(app)

    def spans(self, *kinds: SpanKind) -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if span.kind in (kinds or SpanKind)]


@pytest.fixture
def traced(make_app: MakeApp) -> Traced:
    return Traced(make_app())


@pytest.mark.parametrize("below", ["", "/addresses"], ids=["a statement on a hot path", "others"])
def test_a_request_and_each_of_its_statements_is_a_span(traced: Traced, customer: Account, below: str) -> None:
    traced.client.get(f"{customer.path}{below}", headers=customer.headers | CALLED)

    (request,) = traced.spans(SpanKind.SERVER)
    route = f"/api/customers/{{uuid}}{below}"
    assert request.name == f"GET {route}"
    assert request.attributes == {
        "http.request.method": "GET", "http.route": route, "http.response.status_code": 200}  # fmt: skip
    assert request.context
    assert f"{request.context.trace_id:032x}" == TRACE
    statements = traced.spans(SpanKind.CLIENT)
    assert statements
    assert all((span.name, span.parent) == ("SELECT", request.context) for span in statements)
    assert all(set(span.attributes or {}) == {"db.system.name", "db.query.text"} for span in statements)


def test_no_span_holds_what_a_caller_sent(traced: Traced) -> None:
    client = traced.client
    uuid = registered(client)["uuid"]
    registered(client, email="other@example.com")
    login = client.post("/customer/login", json={"email": ANN["email"], "password": PASSWORD}).get_json()
    headers = {"User-Agent": "Spy/1", "X-Forwarded-For": "203.0.113.9", "Cookie": "a=tell-nobody"}
    client.get(f"/api/customers/{uuid}", headers=headers)
    taken = client.patch(f"/api/customers/{uuid}?secret=tell-nobody", json={"email": "other@example.com"})

    text = "".join(span.to_json() for span in traced.spans())
    assert taken.status_code == 409
    sent = {ANN["email"], PASSWORD, uuid, login["data"]["sid"], "tell-nobody", "Spy", "other@", "203.0.113.9"}
    assert [secret for secret in sent | {"127.0.0.1", "$2b$"} if secret in text] == []


def test_a_5xx_is_marked_and_unknown_paths_and_methods_have_no_names(traced: Traced, customer: Account, db: Db) -> None:
    client = traced.client
    client.open("/nothing/here", method="BREW")
    db.execute("ALTER TABLE customer_address RENAME COLUMN city TO hidden")
    try:
        client.get(f"{customer.path}/addresses", headers=customer.headers)
    finally:
        db.execute("ALTER TABLE customer_address RENAME COLUMN hidden TO city")

    unknown, failed = traced.spans(SpanKind.SERVER)
    statement = traced.spans(SpanKind.CLIENT)[-1]
    assert (unknown.name, unknown.status.status_code) == ("_OTHER", StatusCode.UNSET)
    assert (failed.name, failed.status.status_code) == ("GET /api/customers/{uuid}/addresses", StatusCode.ERROR)
    assert statement.status.status_code == StatusCode.ERROR
    # PostgreSQL's messages repeat values.
    assert (list(failed.events), list(statement.events), statement.status.description) == ([], [], None)


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


def test_opentelemetrys_variables_switch_it_on_and_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for environ, exporter, fault in (
        ({}, None, ""),
        (ENDPOINT, "otlp", ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp", ""),
        ({"OTEL_TRACES_EXPORTER": "Console"}, "console", "OTEL_TRACES_EXPORTER is console"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None, ""),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, None, ""),
    ):
        assert tracing.exporter(environ) == exporter
        assert (tracing.fault(environ) or "").partition(";")[0] == fault
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert "(extra: otel)" in (tracing.fault(ENDPOINT) or "")
    assert tracing.start(ENDPOINT) is None


@pytest.mark.usefixtures("app")
def test_workers_send_traces_to_a_collector_and_lines_name_them(serve: Callable[..., Service], database: str) -> None:
    received: list[bytes] = []

    def collect(_: BaseHTTPRequestHandler, body: bytes) -> Reply:
        received.append(body)
        return 200, "application/x-protobuf", b""

    with answering(collect) as port:
        address = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        service = serve(database, OTEL_BSP_SCHEDULE_DELAY="100", **address)
        path, header = sign_up(service, ANN["email"])
        service.call("GET", path, headers={**header, **CALLED, "X-Request-ID": "find-me"})

        sent = (b"customers", b"GET /api/customers/{uuid}", b"SELECT", bytes.fromhex(TRACE))
        wait_until(lambda: all(text in b"".join(received) for text in sent))
        assert [line["trace_id"] for line in service.lines() if line.get("request_id") == "find-me"] == [TRACE]
        assert service.stop() == 0
