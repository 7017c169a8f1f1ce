"""The service as it is run: gunicorn with this repository's gunicorn.conf.py."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from tests.conftest import PASSWORD
from tests.support.database import Db
from tests.support.service import ANN, Service, run, sign_up, wait_until
from tests.support.threads import waiting_for_a_lock
from tests.support.wire import connect, read, read_all


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
    cookie = requests.post(f"{service.base}/customer/login", json=ANN, timeout=30).headers["Set-Cookie"]

    assert [(status, body["error"]["code"]) for status, body in before] == [(503, "schema_missing")] * 2
    assert all("flask init-db" in body["error"]["message"] for _, body in before)
    assert (made.returncode, made.stderr) == (0, "")
    assert (after[0], created[0]) == (200, 201)
    assert cookie.startswith("__Host-customers=")
    assert "; Secure" in cookie
    assert (reset[0], reset[1]["error"]["code"]) == (503, "mail_unavailable")
    assert [line for line in service.lines() if line["level"] == "warning" and "CUSTOMERS_SMTP_URL" in line["message"]]


@pytest.mark.usefixtures("app")  # empty tables
def test_a_reload_and_a_stop_finish_requests_in_flight_and_a_stop_closes_the_rest(
    serve: Callable[..., Service], database: str, db: Db
) -> None:
    """That none is refused meanwhile is nginx's: tests/deploy."""
    service = serve(database, CUSTOMERS_WORKERS="1")
    path, header = sign_up(service, "in-flight@example.com")
    (first,) = service.workers()

    def answer_across(how: signal.Signals) -> int:
        """Return the status of a request that is in flight when a signal comes."""
        with psycopg.connect(database) as conn, ThreadPoolExecutor(1) as pool:
            conn.execute("LOCK TABLE customer_address IN ACCESS EXCLUSIVE MODE")
            answer = pool.submit(service.call, "GET", f"{path}/addresses", headers=header)
            wait_until(lambda: waiting_for_a_lock(db))
            service.process.send_signal(how)
            wait_until(lambda: f"Handling signal: {how.name[3:].lower()}" in service.log.read_text())
            conn.rollback()
            return answer.result()[0]

    assert answer_across(signal.SIGHUP) == 200
    wait_until(lambda: not first.is_running())
    wait_until(service.answers)

    with connect(service) as kept:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not read(kept).closed, "it is kept"
        assert answer_across(signal.SIGTERM) == 200
        assert service.stop() == 0
        assert read_all(kept) == b""
    with pytest.raises(OSError, match="refused"):
        service.call("GET", "/healthz")
