"""deploy/nginx.conf: names, limits, errors, headers, logs."""

import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import PASSWORD
from tests.deploy.front import ADMIN, TRUSTED, Front
from tests.deploy.nginx import NAME, UNPRIVILEGED, Answer, Nginx
from tests.support.service import free_port, wait_until

TRUSTING = {f'# "{TRUSTED}"': f'"{TRUSTED}"'}
# As deploy/nginx.conf says for a shop behind another proxy; so the tests can come from any address.
BEHIND_A_PROXY = {"sendfile on;": "sendfile on; set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;"}


@pytest.fixture
def limited(front: Front) -> Iterator[Nginx]:
    """Return an nginx with the reference's own rates."""
    nginx = Nginx(front.instances.ports, front.backend.port, {**BEHIND_A_PROXY, **TRUSTING})
    yield nginx
    nginx.stop()


@pytest.fixture
def alone() -> Iterator[Nginx]:
    """Return an nginx behind which nobody listens."""
    nginx = Nginx([free_port(), free_port()], free_port(), TRUSTING)
    yield nginx
    nginx.stop()


def may_read(answer: Answer, origin: str) -> bool:
    """Return whether a page of an origin may read an answer, and when to try again."""
    names = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers")
    return [answer.headers.get_all(name) for name in names] == [[origin], ["true"], ["Retry-After, X-Request-ID"]]


def is_error(answer: Answer, status: int, code: str) -> bool:
    """Return whether it is an error in the service's envelope, with the headers of one."""
    error = answer.body["error"]
    assert list(answer.body) == ["error"]
    assert set(error) == {"status", "code", "message"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    return (answer.status, error["status"], error["code"]) == (status, status, code)


def test_nginx_finds_no_fault_with_it(front: Front) -> None:
    found = subprocess.run(
        front.nginx.command("-t"), user=UNPRIVILEGED, capture_output=True, text=True, timeout=30, check=False
    )

    assert (found.returncode, "test is successful" in found.stderr) == (0, True)
    warnings = [line for line in found.stderr.splitlines() if "[warn]" in line]
    assert [line for line in warnings if "http2" not in line] == []


def test_plain_http_leads_to_https(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.nginx.plain_port), timeout=10) as sock:
        sock.sendall(b"POST /customer/login?x=1 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n")
        head = sock.recv(4000).decode()

    assert head.startswith("HTTP/1.1 308 ")
    assert f"Location: https://{NAME}/customer/login?x=1\r\n" in head


def test_another_name_reaches_nobody(front: Front) -> None:
    with (
        socket.create_connection(("127.0.0.1", front.nginx.port), timeout=10) as sock,
        pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"),
    ):
        front.nginx.context.wrap_socket(sock, server_hostname="evil.example")
    assert front.nginx.call("GET", "/openapi.json", Host="evil.example").status == 421


def test_a_client_cannot_choose_its_address_host_or_scheme(front: Front) -> None:
    front.register("address@example.com")
    sid, _ = front.log_in("address@example.com")
    lies = {
        f"{name}": "evil.example"
        for name in (
            "X_Forwarded_For", "X_Real_IP", "Forwarded", "X_Forwarded_Host", "X_Forwarded_Port", "X_Forwarded_Proto",
            "X_Forwarded_Protocol", "X_Forwarded_Ssl", "X_Forwarded_Prefix", "X_Forwarded_Server", "X_Original_URL",
            "X_Rewrite_URL",
        )
    }  # fmt: skip

    front.nginx.call("POST", "/customer/login", {"email": "address@example.com", "password": PASSWORD}, **lies)
    sessions = front.nginx.call("GET", "/api/customers/me/sessions", X_Session_ID=sid, **lies).body["data"]
    backend = front.nginx.call("GET", "/orders/", X_Session_ID=sid, **lies).body["headers"]

    assert [session["ip"] for session in sessions] == ["127.0.0.1", "127.0.0.1"]
    assert (backend["x-forwarded-for"], backend["x-real-ip"], backend["x-forwarded-proto"]) == (
        "127.0.0.1",
        "127.0.0.1",
        "https",
    )
    assert "evil.example" not in str(backend)


@pytest.mark.parametrize("port", ["", ":443", ":8443", "itself"])
def test_a_same_origin_write_passes_whatever_port_the_client_used(front: Front, port: str) -> None:
    """Nginx passed on a Host without the port, and the service took a write of its own page for one of another site."""
    front.register(f"origin{port.strip(':')}@example.com")
    _, cookie = front.log_in(f"origin{port.strip(':')}@example.com")
    port = f":{front.nginx.port}" if port == "itself" else port
    host = f"{NAME}{port}"

    def write(origin: str) -> int:
        return front.nginx.call(
            "PATCH", "/api/customers/me", {"full_name": "A"}, Host=host, Origin=origin, Cookie=cookie
        ).status

    assert write(f"https://{host.removesuffix(':443')}") == 200
    assert write(f"https://{NAME}:1") == 403
    assert write("https://evil.example") == 403


@pytest.mark.parametrize(
    ("path", "spelt"),
    [
        ("/customer/login", "//customer/./login"),
        ("/admin/user/login", "/admin/%75ser/login"),
        ("/admin/login", "/admin/login"),
        ("/api/customers", "/api/customers?x=1"),
        ("/api/customers/reset-password", "/api/customers/reset-password"),
        ("/api/customers/password", "/api%2Fcustomers/password"),
    ],
)
def test_logins_registrations_and_resets_are_limited_by_network(limited: Nginx, path: str, spelt: str) -> None:
    allowed = [limited.call("POST", path, {}, X_Forwarded_For="203.0.113.1") for _ in range(21)]
    # nginx counts in milliseconds what has run out of the burst again; on a slow machine that may be one or another.
    refused = [limited.call("POST", spelt, {}, X_Forwarded_For="203.0.113.1", Origin=TRUSTED) for _ in range(12)]
    others = limited.call("GET", "/api/customers", X_Forwarded_For="203.0.113.1")
    elsewhere = limited.call("POST", path, {}, X_Forwarded_For="203.0.113.2")

    assert 429 not in {answer.status for answer in allowed}
    last = refused[-1]
    assert is_error(last, 429, "too_many_requests")
    assert last.headers["Retry-After"] == "3"
    assert may_read(last, TRUSTED)
    assert others.status == 401
    assert elsewhere.status != 429
    assert limited.errors() == ""


def refusals(nginx: Nginx, addresses: list[str]) -> int:
    """Return how many of one login from each address are refused by nginx."""
    connection = nginx.connect()
    answers = [connection.call("POST", "/customer/login", {}, {"X-Forwarded-For": address}) for address in addresses]
    connection.close()
    return sum(answer.status == 429 for answer in answers)


def test_a_network_is_a_64_of_ipv6_and_ten_times_as_generously_its_48(limited: Nginx) -> None:
    """Nginx counted whole IPv6 addresses, of which every home has 2 to the power of 64."""
    mapped = [f"::ffff:203.0.113.{number}" for number in range(40)]
    one = [f"2001:db8:0:1::{number:x}" for number in range(1, 41)]
    line_end = [f"2001:db8:a0a:a0a:a0a::{number:x}" for number in range(1, 41)]  # 0x0a in it

    assert refusals(limited, mapped) == 0
    assert refusals(limited, one) > 5
    assert refusals(limited, line_end) > 5
    assert refusals(limited, ["2001:db8:0:2::1", "2001:db8:1:1::1"]) == 0
    assert refusals(limited, [f"2001:db8:2:{number:x}::1" for number in range(200)]) == 0
    assert refusals(limited, [f"2001:db8:2:{number:x}::1" for number in range(200, 400)]) > 5
    assert refusals(limited, ["2001:db8:3:1::1"]) == 0


def test_a_body_of_more_than_a_mebibyte_is_refused_by_nginx(front: Front) -> None:
    largest = front.nginx.call("POST", "/customer/login", b"x" * 2**20)
    larger = front.nginx.call("POST", "/customer/login", b"x" * (2**20 + 1), Origin=TRUSTED)

    assert largest.body["error"]["code"] == "malformed_json"
    assert is_error(larger, 413, "body_too_large")
    assert may_read(larger, TRUSTED)
    assert larger.headers["X-Request-ID"] not in {line.get("request_id") for line in front.instances.lines()}


def test_what_nginx_cannot_read_is_a_400_in_the_envelope(front: Front) -> None:
    assert is_error(front.nginx.call("GET", "/api/customers", X_Long="x" * 9_000), 400, "bad_request")
    assert is_error(front.nginx.call("GET", "/api/" + "x" * 9_000), 400, "bad_request")
    assert is_error(front.nginx.call("GET", "/%00"), 400, "bad_request")
    assert is_error(front.nginx.call("GET", "no-path"), 400, "bad_request")


@pytest.mark.parametrize("path", ["/api/customers", "/orders/", "/admin/login", "/openapi.json"])
def test_a_service_that_is_away_is_a_503_to_be_tried_again(alone: Nginx, path: str) -> None:
    answer = alone.call("GET", path, Origin=TRUSTED)
    other = alone.call("GET", path, Origin="https://evil.example")

    assert is_error(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert may_read(answer, TRUSTED)
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_trusted_origin_may_send_what_tracing_adds_and_reads_one_set_of_headers(front: Front) -> None:
    asked = {
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "traceparent,baggage,sentry-trace",
    }

    preflight = front.nginx.call("OPTIONS", "/api/customers", Origin=TRUSTED, **asked)
    refused = front.nginx.call("GET", "/api/customers", Origin=TRUSTED)

    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("traceparent", "tracestate", "baggage", "sentry-trace"))
    assert refused.status == 401
    for answer in (preflight, refused):
        assert answer.headers.get_all("Access-Control-Allow-Origin") == [TRUSTED]


@pytest.mark.parametrize("path", ["/api/customers", "/orders/"])
def test_as_many_headers_as_nginx_passes_on_are_read_and_more_are_a_400_in_the_envelope(
    front: Front, path: str
) -> None:
    def ask(number: int) -> Answer:
        head = f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n"
        return front.nginx.raw(head.encode() + b"a:b\r\n" * number + b"\r\n")

    assert ask(990).body["error"]["code"] == "not_authenticated"
    assert is_error(ask(1200), 400, "bad_request")


def test_headers_that_gunicorn_refuses_to_read_are_no_reason_to_try_again() -> None:
    """Behind auth_request its refusal became a 500, and that a 503."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(431)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        nginx = Nginx([server.server_port] * 2, free_port())
        answer = nginx.call("GET", "/orders/")
        nginx.stop()
        server.shutdown()

    assert is_error(answer, 400, "bad_request")
    assert "Retry-After" not in answer.headers


def test_the_services_own_errors_and_headers_pass_as_they_are(front: Front) -> None:
    refused = front.nginx.call("GET", "/api/customers")
    page = front.nginx.call("GET", "/admin/login")
    docs = front.nginx.call("GET", "/docs")
    asset = re.search(r"/admin-assets/[^\"]+\.css", page.text)
    assert asset
    kept = front.nginx.call("GET", asset[0])

    assert (refused.status, refused.body["error"]["code"]) == (401, "not_authenticated")
    for answer in (refused, page, docs, kept):
        for name in ("X-Request-ID", "X-Content-Type-Options", "Content-Security-Policy", "Strict-Transport-Security"):
            assert len(answer.headers.get_all(name, [])) == 1, name
        assert len(answer.headers.get_all("Cache-Control", [])) == 1
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" in docs.headers["Content-Security-Policy"]
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert refused.headers["Cache-Control"] == "no-store"


def test_the_shops_files_are_served_with_a_policy_and_asked_for_anew(front: Front) -> None:
    for path, kind in (
        ("/", "text/html"),
        ("/reset-password", "text/html"),
        ("/shop.css", "text/css"),
        ("/shop.js", "text/javascript"),
        ("/customers.js", "text/javascript"),
    ):
        answer = front.nginx.call("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind), path
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert front.nginx.call("GET", path, If_None_Match=answer.headers["ETag"]).status == 304
    assert front.nginx.call("GET", "/nothing").status == 404


def test_the_logs_of_nginx_the_service_and_a_backend_join_by_the_requests_id(front: Front) -> None:
    uuid = front.register("logged@example.com")
    sid, _ = front.log_in("logged@example.com")

    made = front.nginx.call("GET", "/orders/?secret=tell-nobody", X_Session_ID=sid, X_Request_ID='no "good" one')
    sent = front.nginx.call("GET", "/api/customers/me?secret=tell-nobody", X_Session_ID=sid, X_Request_ID="find-me.1")

    trace = made.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert made.body["headers"]["x-request-id"] == trace
    assert sent.headers["X-Request-ID"] == "find-me.1"
    wait_until(lambda: any(line["request_id"] == "find-me.1" for line in front.nginx.lines()))
    lines = {line["request_id"]: line for line in front.nginx.lines()}
    paths = {line.get("request_id"): line.get("path") for line in front.instances.lines()}
    assert (lines[trace]["path"], lines[trace]["status"], lines[trace]["customer"]) == ("/orders/", 200, uuid)
    assert (lines["find-me.1"]["method"], lines["find-me.1"]["path"]) == ("GET", "/api/customers/me")
    assert lines["find-me.1"]["client"] == "127.0.0.1"
    assert (paths[trace], paths["find-me.1"]) == ("/session", "/api/customers/me")
    text = (front.nginx.folder / "access.log").read_text() + front.nginx.errors()
    for secret in ("tell-nobody", PASSWORD, sid):
        assert secret not in text


def test_each_instance_honours_a_session_that_the_other_made(front: Front) -> None:
    front.register("everywhere@example.com")
    login = {"email": "everywhere@example.com", "password": PASSWORD}
    first, second = front.instances.services

    made = [instance.call("POST", "/customer/login", login)[1]["data"]["sid"] for instance in (first, second)]

    for sid in made:
        for instance in (first, second):
            assert instance.call("GET", "/api/customers/me", headers={"X-Session-ID": sid})[0] == 200


def test_requests_go_to_both_instances_over_kept_connections(front: Front) -> None:
    connection = front.nginx.connect()
    for _ in range(20):
        assert connection.call("GET", "/openapi.json").status == 200
    connection.close()

    wait_until(lambda: len([line for line in front.nginx.lines() if line["path"] == "/openapi.json"]) >= 20)
    asked = {line["upstream"] for line in front.nginx.lines() if line["path"] == "/openapi.json"}
    assert asked >= {f"127.0.0.1:{port}" for port in front.instances.ports}


def test_the_staffs_pages_work_behind_it(front: Front) -> None:
    _, cookie = front.log_in(ADMIN, "/admin/user/login")

    listed = front.nginx.call("GET", "/admin/customers", Cookie=cookie)
    turned_away = front.nginx.call("GET", "/admin/customers")

    assert listed.status == 200
    assert (turned_away.status, turned_away.headers["Location"]) == (303, "/admin/login?next=/admin/customers")
