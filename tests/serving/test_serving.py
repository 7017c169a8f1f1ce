"""The service as it is run: gunicorn with this repository's gunicorn.conf.py."""

import json
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.conftest import PASSWORD
from tests.support.service import ANN, Service, run, sign_up, wait_until
from tests.support.shops import serving
from tests.support.wire import exchange

LOGIN = b"POST /customer/login HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, database: str, shared_app: Flask) -> Iterator[Service]:
    """Return a service of one worker."""
    with serving(tmp_path_factory.mktemp("serving"), database) as running:
        yield running


def test_the_access_log_says_who_did_what_and_no_secret(service: Service) -> None:
    path, header = sign_up(service, "logged@example.com")

    service.call("GET", f"{path}?token=tell-nobody", headers={**header, "X-Request-ID": "find-me"})
    service.call("POST", "/customer/login", {"email": "logged@example.com", "password": "tell-nobody"})

    wait_until(lambda: [line for line in service.lines() if line.get("status") == 401])
    (line,) = [line for line in service.lines() if line.get("request_id") == "find-me"]
    assert line["time"].endswith("+00:00")
    assert (line["method"], line["path"]) == ("GET", path)
    assert line["duration_ms"] > 0
    assert line["caller"] == {"kind": "customer", "uuid": path.split("/")[-1]}
    text = service.log.read_text()
    assert [secret for secret in ("tell-nobody", PASSWORD, header["X-Session-ID"], "$2b$") if secret in text] == []


def test_a_killed_worker_is_replaced_and_its_sessions_live_on(service: Service) -> None:
    path, header = sign_up(service, "survivor@example.com")
    (killed,) = service.workers()

    killed.kill()

    wait_until(lambda: service.workers() not in ([], [killed]))
    wait_until(service.answers)
    assert {service.call("GET", path, headers=header)[0] for _ in range(10)} == {200}


def test_a_new_database_and_the_defaults_of_production(
    serve: Callable[..., Service], make_database: Callable[[], str]
) -> None:
    """Before init-db it is not ready, after it is; cookies are for HTTPS; without a mail server it warns."""
    service = serve(make_database(), CUSTOMERS_COOKIE_SECURE="true", CUSTOMERS_WORKERS="1")
    before = [service.call("GET", "/readyz"), service.call("POST", "/api/customers", ANN)]
    made = run("flask", "init-db", **service.settings)
    after = service.call("GET", "/readyz")
    created = service.call("POST", "/api/customers", ANN)
    reset = service.call("POST", "/api/customers/reset-password", {"email": ANN["email"]})
    body = json.dumps({"email": ANN["email"], "password": PASSWORD}).encode()
    cookie = exchange(service, LOGIN % (len(body), body)).headers["Set-Cookie"]

    assert [(status, body["error"]["code"]) for status, body in before] == [(503, "schema_missing")] * 2
    assert all("flask init-db" in body["error"]["message"] for _, body in before)
    assert (made.returncode, made.stderr) == (0, "")
    assert (after[0], created[0]) == (200, 201)
    assert cookie.startswith("__Host-customers=")
    assert "; Secure" in cookie
    assert (reset[0], reset[1]["error"]["code"]) == (503, "mail_unavailable")
    assert [line for line in service.lines() if line["level"] == "warning" and "CUSTOMERS_SMTP_URL" in line["message"]]
