"""Stopping and reloading: requests in flight are finished. That none is refused meanwhile is nginx's: tests/deploy."""

import http.client
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.database import Db
from tests.support.service import Service, sign_up, wait_until
from tests.support.threads import waiting_for_a_lock

pytestmark = pytest.mark.usefixtures("app")  # empty tables


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP], ids=["a stop", "a reload"])
def test_a_request_in_flight_is_finished(
    serve: Callable[..., Service], database: str, db: Db, how: signal.Signals
) -> None:
    service = serve(database, CUSTOMERS_WORKERS="1")
    path, header = sign_up(service, "in-flight@example.com")
    (worker,) = service.workers()
    with psycopg.connect(database) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute("LOCK TABLE customer_address IN ACCESS EXCLUSIVE MODE")
        answer = pool.submit(service.call, "GET", f"{path}/addresses", headers=header)
        wait_until(lambda: waiting_for_a_lock(db))
        service.process.send_signal(how)
        wait_until(lambda: "Handling signal" in service.log.read_text())
        conn.rollback()
        status = answer.result()[0]

    assert status == 200
    wait_until(lambda: not worker.is_running())
    if how == signal.SIGHUP:
        wait_until(service.answers)
    assert service.stop() == 0


def test_a_stop_closes_kept_connections_and_refuses_new_ones(serve: Callable[..., Service], database: str) -> None:
    service = serve(database)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    connection.request("GET", "/healthz")
    kept = connection.getresponse()
    kept.read()

    status = service.stop()
    connection.close()

    assert status == 0
    assert kept.headers["Connection"] == "keep-alive"
    with pytest.raises(OSError, match="refused"):
        service.call("GET", "/healthz")
