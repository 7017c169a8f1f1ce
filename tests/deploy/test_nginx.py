"""deploy/nginx.conf: names, limits, errors, headers, logs."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import PASSWORD
from tests.deploy.front import ADMIN, Front
from tests.deploy.nginx import NAME, UNPRIVILEGED, Answer, Nginx
from tests.support.service import free_port, wait_until


@pytest.fixture
def limited(front: Front) -> Iterator[Nginx]:
    """Return an nginx with the reference's own rates."""
    nginx = Nginx(front.instances.ports, front.backend.port, rate=None)
    yield nginx
    nginx.stop()


@pytest.fixture
def alone() -> Iterator[Nginx]:
    """Return an nginx behind which nobody listens."""
    nginx = Nginx([free_port(), free_port()], free_port())
    yield nginx
    nginx.stop()


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


def test_a_client_cannot_choose_its_address(front: Front) -> None:
    front.register("address@example.com")
    sid, _ = front.log_in("address@example.com")
    spoofed = {"X_Forwarded_For": "203.0.113.9", "X_Real_IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}

    login = {"email": "address@example.com", "password": PASSWORD}
    front.nginx.call("POST", "/customer/login", login, **spoofed)
    sessions = front.nginx.call("GET", "/api/customers/me/sessions", X_Session_ID=sid, **spoofed).body["data"]
    backend = front.nginx.call("GET", "/orders/", X_Session_ID=sid, **spoofed).body["headers"]

    assert [session["ip"] for session in sessions] == ["127.0.0.1", "127.0.0.1"]
    assert (backend["x-forwarded-for"], backend["x-real-ip"], backend.get("forwarded")) == ("127.0.0.1",) * 2 + (None,)


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
def test_logins_registrations_and_resets_are_limited_by_address(limited: Nginx, path: str, spelt: str) -> None:
    allowed = [limited.call("POST", path, {}) for _ in range(21)]
    # nginx counts in milliseconds what has run out of the burst again; on a slow machine that may be one or another.
    refused = [limited.call("POST", spelt, {}, X_Forwarded_For=f"203.0.113.{number}") for number in range(12)]
    others = limited.call("GET", "/api/customers")

    assert 429 not in {answer.status for answer in allowed}
    last = refused[-1]
    assert is_error(last, 429, "too_many_requests")
    assert last.headers["Retry-After"] == "3"
    assert others.status == 401
    assert limited.errors() == ""


def test_a_body_of_more_than_a_mebibyte_is_refused_by_nginx(front: Front) -> None:
    largest = front.nginx.call("POST", "/customer/login", b"x" * 2**20)
    larger = front.nginx.call("POST", "/customer/login", b"x" * (2**20 + 1))

    assert largest.body["error"]["code"] == "malformed_json"
    assert is_error(larger, 413, "body_too_large")
    assert larger.headers["X-Request-ID"] not in {line.get("request_id") for line in front.instances.lines()}


def test_what_nginx_cannot_read_is_a_400_in_the_envelope(front: Front) -> None:
    assert is_error(front.nginx.call("GET", "/api/customers", X_Long="x" * 9_000), 400, "bad_request")
    assert is_error(front.nginx.call("GET", "/api/" + "x" * 9_000), 400, "bad_request")
    assert is_error(front.nginx.call("GET", "/%00"), 400, "bad_request")
    assert is_error(front.nginx.call("GET", "no-path"), 400, "bad_request")


@pytest.mark.parametrize("path", ["/api/customers", "/orders/", "/admin/login", "/openapi.json"])
def test_a_service_that_is_away_is_a_503_to_be_tried_again(alone: Nginx, path: str) -> None:
    answer = alone.call("GET", path)

    assert is_error(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "2"


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
