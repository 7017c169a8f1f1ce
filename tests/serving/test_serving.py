"""The service as it is run: gunicorn with this repository's gunicorn.conf.py."""

import json
from collections.abc import Callable

import pytest

from tests.conftest import PASSWORD
from tests.support.service import ANN, Service, run, sign_up, wait_until
from tests.support.wire import exchange

LOGIN = b"POST /customer/login HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
pytestmark = pytest.mark.usefixtures("app")  # empty tables


def test_the_access_log_says_who_did_what_and_no_secret(serve: Callable[..., Service], database: str) -> None:
    service = serve(database)
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


def test_data_and_sessions_survive_a_restart_and_a_command_shares_the_database(
    serve: Callable[..., Service], database: str
) -> None:
    first = serve(database)
    path, header = sign_up(first, "survivor@example.com")
    assert first.stop() == 0

    second = serve(database)
    options = ["a@example.com", "--full-name", "A", "--password-stdin"]
    created = run("flask", "create-admin", *options, stdin=f"{PASSWORD}\n", **second.settings)
    login = second.call("POST", "/admin/user/login", {"email": "a@example.com", "password": PASSWORD})

    assert second.call("GET", path, headers=header)[0] == 200
    assert (created.returncode, created.stderr) == (0, "")
    assert login[0] == 200


def test_a_killed_worker_is_replaced(serve: Callable[..., Service], database: str) -> None:
    service = serve(database)
    wait_until(lambda: len(service.workers()) == 2)
    before = set(service.workers())

    before.pop().kill()

    wait_until(lambda: len(set(service.workers()) - before) == 1)
    wait_until(service.answers)
    assert {service.call("GET", "/readyz")[0] for _ in range(10)} == {200}


def test_production_refuses_to_start_without_its_settings_and_names_each() -> None:
    started = run("gunicorn", CUSTOMERS_SMTP_URL="smtp://127.0.0.1")

    assert started.returncode != 0
    for name in ("DATABASE_URL", "SECRET_KEY", "MAIL_FROM", "RESET_URL"):
        assert f"CUSTOMERS_{name}: Missing." in started.stderr
    assert "Traceback" not in started.stderr


def test_a_new_database_and_the_defaults_of_production(
    serve: Callable[..., Service], make_database: Callable[[], str]
) -> None:
    """Before init-db it is not ready, after it is; cookies are for HTTPS; without a mail server it warns."""
    service = serve(make_database(), CUSTOMERS_COOKIE_SECURE="true")
    before = service.call("GET", "/readyz")
    made = run("flask", "init-db", **service.settings)
    after = service.call("GET", "/readyz")
    created = service.call("POST", "/api/customers", ANN)
    reset = service.call("POST", "/api/customers/reset-password", {"email": ANN["email"]})
    body = json.dumps({"email": ANN["email"], "password": PASSWORD}).encode()
    cookie = exchange(service, LOGIN % (len(body), body)).headers["Set-Cookie"]

    assert (before[0], before[1]["error"]["code"]) == (503, "schema_missing")
    assert "flask init-db" in before[1]["error"]["message"]
    assert (made.returncode, made.stderr) == (0, "")
    assert (after[0], created[0]) == (200, 201)
    assert cookie.startswith("__Host-customers=")
    assert "; Secure" in cookie
    assert (reset[0], reset[1]["error"]["code"]) == (503, "mail_unavailable")
    assert [line for line in service.lines() if line["level"] == "warning" and "CUSTOMERS_SMTP_URL" in line["message"]]
