"""deploy/nginx.conf: names, limits, errors, headers, logs."""

import json
import re
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from io import BytesIO

import pytest

from tests.conftest import PASSWORD
from tests.deploy.front import TRUSTED, TRUSTING, Front
from tests.deploy.nginx import NAME, UNLIMITED, Answer, Nginx
from tests.support.answering import Reply, answering
from tests.support.service import free_port, wait_until

# As deploy/nginx.conf says for a shop behind another proxy; so the tests can come from any address.
BEHIND_A_PROXY = {"sendfile on;": "sendfile on; set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;"}
FORWARDED = (
    "X_Forwarded_For", "X_Real_IP", "Forwarded", "X_Forwarded_Host", "X_Forwarded_Port", "X_Forwarded_Proto",
    "X_Forwarded_Protocol", "X_Forwarded_Ssl", "X_Forwarded_Prefix", "X_Forwarded_Server", "X_Original_URL",
    "X_Rewrite_URL",
)  # fmt: skip


@pytest.fixture(scope="module")
def limited() -> Iterator[Nginx]:
    """Return an nginx with the reference's own rates, before something that says yes to everything."""
    with (
        answering(lambda *_: (200, "application/json", b"{}")) as port,
        closing(Nginx([port, port], port, {**BEHIND_A_PROXY, **TRUSTING})) as nginx,
    ):
        yield nginx


def refused(answer: Answer, status: int, code: str, readable_by: str | None = None) -> None:
    """Assert an error in the service's envelope, with its headers, and that pages of this other origin may read it."""
    assert answer.status == status, answer
    assert (answer.body["error"].keys(), answer.body["error"]["code"]) == ({"status", "code", "message"}, code)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.headers.get_all("Access-Control-Allow-Origin") == (readable_by and [readable_by])
    assert answer.headers.get_all("Access-Control-Allow-Credentials") == (readable_by and ["true"])
    assert answer.headers.get_all("Access-Control-Expose-Headers") == (readable_by and ["Retry-After, X-Request-ID"])


def test_plain_http_leads_to_https_and_another_name_reaches_nobody(front: Front) -> None:
    with closing(HTTPConnection("127.0.0.1", front.nginx.plain_port, timeout=10)) as connection:
        connection.request("POST", "/customer/login?x=1", headers={"Host": NAME})
        answer = connection.getresponse()
    with (
        socket.create_connection(("127.0.0.1", front.nginx.port), timeout=10) as sock,
        pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"),
    ):
        front.nginx.context.wrap_socket(sock, server_hostname="evil.example")

    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/customer/login?x=1")
    assert front.nginx.call("GET", "/openapi.json", Host="evil.example").status == 421


def test_a_client_cannot_choose_its_address_host_or_scheme(front: Front) -> None:
    sid = front.sign_up("address@example.com").sid
    lies = dict.fromkeys(FORWARDED, "evil.example")

    front.nginx.call("POST", "/customer/login", {"email": "address@example.com", "password": PASSWORD}, **lies)
    sessions = front.nginx.call("GET", "/api/customers/me/sessions", X_Session_ID=sid, **lies).body["data"]
    backend = front.nginx.call("GET", "/orders/", X_Session_ID=sid, **lies).body["headers"]

    assert [session["ip"] for session in sessions] == ["127.0.0.1", "127.0.0.1"]
    told = [backend[name] for name in ("x-forwarded-for", "x-real-ip", "x-forwarded-proto")]
    assert told == ["127.0.0.1", "127.0.0.1", "https"]
    assert "evil.example" not in str(backend)


@pytest.mark.parametrize("port", ["", ":443", ":8443", "itself"])
def test_a_same_origin_write_passes_whatever_port_the_client_used(front: Front, port: str) -> None:
    """Nginx passed on a Host without the port, and the service took a write of its own page for one of another site."""
    cookie = front.sign_up(f"origin{port.strip(':')}@example.com").cookie
    host = NAME + (f":{front.nginx.port}" if port == "itself" else port)

    def write(origin: str) -> int:
        headers = {"Host": host, "Origin": origin, "Cookie": cookie}
        return front.nginx.call("PATCH", "/api/customers/me", {"full_name": "A"}, **headers).status

    assert write(f"https://{host.removesuffix(':443')}") == 200
    assert write(f"https://{NAME}:1") == 403
    assert write("https://evil.example") == 403


def test_logins_registrations_and_resets_are_limited_by_network(limited: Nginx) -> None:
    for number, (path, spelt) in enumerate({
        "/customer/login": "//customer/./login",
        "/admin/user/login": "/admin/%75ser/login",
        "/admin/login": "/admin/login",
        "/api/customers": "/api/customers?x=1",
        "/api/customers/reset-password": "/api/customers/reset-password",
        "/api/customers/password": "/api%2Fcustomers/password",
        "/api/customers/me/password": "/api/customers/me/password",
    }.items()):  # fmt: skip
        address = {"X_Forwarded_For": f"203.0.113.{number}"}

        allowed = {limited.call("POST", path, {}, **address).status for _ in range(21)}
        # nginx counts in milliseconds what has run out of the burst again; on a slow machine that may be some.
        last = [limited.call("POST", spelt, {}, Origin=TRUSTED, **address) for _ in range(12)][-1]
        others = limited.call("GET", "/api/customers", **address)
        elsewhere = limited.call("POST", path, {}, X_Forwarded_For=f"198.51.100.{number}")

        assert allowed == {200}, path
        refused(last, 429, "too_many_requests", TRUSTED)
        assert last.headers["Retry-After"] == "3"
        assert (others.status, elsewhere.status) == (200, 200)
    assert limited.errors() == ""


def refusals(nginx: Nginx, form: str, numbers: range) -> int:
    """Return how many of one login from each of a number of addresses are refused by nginx."""
    with closing(nginx.connect()) as connection:
        headers = [{"X-Forwarded-For": form.format(number)} for number in numbers]
        return sum(connection.call("POST", "/customer/login", {}, header).status == 429 for header in headers)


def test_a_network_is_a_64_of_ipv6_and_ten_times_as_generously_its_48(limited: Nginx) -> None:
    """Nginx counted whole IPv6 addresses, of which every home has 2 to the power of 64."""
    assert refusals(limited, "::ffff:192.0.2.{}", range(40)) == 0
    assert refusals(limited, "2001:db8:0:1::{:x}", range(1, 41)) > 5
    assert refusals(limited, "2001:db8:a0a:a0a:a0a::{:x}", range(1, 41)) > 5  # line ends, 0x0a, in it
    assert refusals(limited, "2001:db8:0:{}::1", range(2, 4)) == 0
    assert refusals(limited, "2001:db8:{}:1::1", range(1, 3)) == 0
    assert refusals(limited, "2001:db8:3:{:x}::1", range(200)) == 0
    assert refusals(limited, "2001:db8:3:{:x}::1", range(200, 400)) > 5
    assert refusals(limited, "2001:db8:{}:1::1", range(4, 5)) == 0


def test_a_body_of_more_than_a_mebibyte_is_refused_by_nginx(front: Front) -> None:
    largest = front.nginx.call("POST", "/customer/login", b"x" * 2**20)
    assert largest.body["error"]["code"] == "malformed_json"
    for path in ("/customer/login", "/api/customers/x.html"):  # whose end decides no Content-Type
        larger = front.nginx.call("POST", path, b"x" * (2**20 + 1), Origin=TRUSTED)
        refused(larger, 413, "body_too_large", TRUSTED)


def test_a_service_that_is_away_is_a_503_to_be_tried_again() -> None:
    with closing(Nginx([free_port(), free_port()], free_port(), TRUSTING)) as alone:
        for path in ("/api/customers", "/orders/", "/admin/login", "/openapi.json"):
            answer, other = (alone.call("GET", path, Origin=origin) for origin in (TRUSTED, "https://evil.example"))

            refused(answer, 503, "unavailable", TRUSTED)
            refused(other, 503, "unavailable")
            assert answer.headers["Retry-After"] == "2"


def test_many_headers_are_read_and_what_cannot_be_read_is_a_400_in_the_envelope(front: Front) -> None:
    """Behind auth_request gunicorn's refusal became a 500, and that a 503 to be tried again."""
    for path in ("/api/customers", "/orders/"):
        most, more = ({f"a{index}": "b" for index in range(number)} for number in (985, 1200))
        unreadable = [front.nginx.call("GET", wrong) for wrong in (path + "x" * 9_000, "/%00", "no-path")]
        unreadable += [front.nginx.call("GET", path, **headers) for headers in (more, {"X_Long": "x" * 9_000})]

        assert front.nginx.call("GET", path, **most).body["error"]["code"] == "not_authenticated"
        for answer in unreadable:
            refused(answer, 400, "bad_request")
    with answering(lambda *_: (431, "text/html", b"")) as port, closing(Nginx([port, port], free_port())) as nginx:
        answer = nginx.call("GET", "/orders/")
    refused(answer, 400, "bad_request")
    assert "Retry-After" not in answer.headers
    trace = front.nginx.call("TRACE", "/api/customers")
    refused(trace, 405, "method_not_allowed")
    assert "PATCH" in trace.headers["Allow"]


def test_by_http_2_too_what_is_too_long_is_refused_in_the_envelope(front: Front) -> None:
    """Compressed, it was short enough for nginx, and gunicorn refused it in HTML."""
    to = ["--resolve", f"{NAME}:{front.nginx.port}:127.0.0.1", "--cacert", str(front.nginx.certificate)]
    for path, header, status in (("/" + "e" * 8_180, "a: b", 400), ("", "a: " + "e" * 10_000, 401)):
        command = ["curl", "--http2", "--silent", "--noproxy", "*", *to, "-H", header, "-w", " %{http_version}"]
        done = subprocess.run([*command, f"{front.nginx.base}/api/customers{path}"], capture_output=True, check=True)

        body, _, version = done.stdout.decode().rpartition(" ")
        assert (version, json.loads(body)["error"]["status"]) == ("2", status)


def test_the_services_own_errors_and_headers_pass_as_they_are(front: Front) -> None:
    paths = ("/api/customers", "/admin/login", "/docs")
    stranger, page, docs = (front.nginx.call("GET", path, Origin=TRUSTED) for path in paths)

    assert (stranger.status, stranger.body["error"]["code"]) == (401, "not_authenticated")
    assert stranger.headers.get_all("Access-Control-Allow-Origin") == [TRUSTED]
    for answer in (stranger, page, docs):
        for name in ("X-Request-ID", "X-Content-Type-Options", "Content-Security-Policy", "Strict-Transport-Security",
                     "Cache-Control"):  # fmt: skip
            assert len(answer.headers.get_all(name, [])) == 1, name
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" in docs.headers["Content-Security-Policy"]


def test_the_shops_files_are_served_with_a_policy_and_asked_for_anew(front: Front) -> None:
    scripts = dict.fromkeys(("/shop.js", "/customers.js"), "text/javascript")
    for path, kind in {"/": "text/html", "/reset-password": "text/html", "/shop.css": "text/css", **scripts}.items():
        answer = front.nginx.call("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind), path
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_the_logs_of_nginx_the_service_and_a_backend_join_by_the_requests_id(front: Front) -> None:
    uuid, sid, _ = front.sign_up("logged@example.com")

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


def test_a_read_whose_instance_breaks_off_is_sent_to_another_and_a_write_is_not() -> None:
    """Else a customer could be registered twice, or told that the e-mail is taken."""
    arrived, writes = list[str](), [("POST", "/api/customers"), ("PATCH", "/api/customers/me")] * 4

    def break_off(request: BaseHTTPRequestHandler, _: bytes) -> Reply:
        request.wfile, request.close_connection = BytesIO(), True
        return 200, "application/json", b""

    def answer(request: BaseHTTPRequestHandler, _: bytes) -> Reply:
        arrived.append(request.command)
        return 200, "application/json", b"{}"

    with (
        answering(break_off) as broken,
        answering(answer) as whole,
        closing(Nginx([broken, whole], whole, {**UNLIMITED, "max_fails=1 fail_timeout=1s": "max_fails=0"})) as nginx,
    ):
        reads = [nginx.call("GET", "/api/customers/me").status for _ in range(4)]
        written = Counter(nginx.call(method, path, {"full_name": "Ann"}).status for method, path in writes)

    assert (reads, arrived.count("GET")) == ([200] * 4, 4)
    assert written == {200: 4, 503: 4}
