"""Stopping and reloading: requests in flight are finished. That none is refused meanwhile is nginx's: tests/deploy."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.database import Db
from tests.support.service import Service, sign_up, wait_until
from tests.support.threads import waiting_for_a_lock
from tests.support.wire import connect, read, read_all


@pytest.mark.usefixtures("app")  # empty tables
def test_a_reload_and_a_stop_finish_requests_in_flight_and_a_stop_closes_the_rest(
    serve: Callable[..., Service], database: str, db: Db
) -> None:
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
