"""What the service does without its database, and when it comes back."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.conftest import PASSWORD
from tests.support.postgres import Postgres
from tests.support.service import ANN, Service, sign_up
from tests.support.shops import with_schema


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with closing(Postgres()) as own:
        with_schema(own.conninfo)
        yield own


def test_without_postgresql_requests_are_503_and_it_heals_without_a_restart(
    postgres: Postgres, serve: Callable[..., Service]
) -> None:
    """Idle connections are dead then; each is found out before it is used."""
    service = serve(postgres.conninfo)
    path, header = sign_up(service, ANN["email"])
    calls: list[tuple[str, str, dict[str, str] | None]] = [
        ("GET", path, None),
        ("PATCH", path, {"full_name": "X"}),
        ("POST", "/customer/login", {"email": ANN["email"], "password": PASSWORD}),
        ("POST", "/api/customers", {**ANN, "email": "other@example.com"}),
        ("GET", "/readyz", None),
    ]

    def statuses() -> list[tuple[int, str | None]]:
        answers = [service.call(method, target, body, header) for method, target, body in calls]
        return [(status, body.get("error", {}).get("code")) for status, body in answers]

    def read_often() -> set[int]:
        with ThreadPoolExecutor(16) as pool:
            return {status for status, _ in pool.map(lambda _: service.call("GET", path, headers=header), range(64))}

    before = read_often()
    postgres.signal(signal.SIGKILL)
    without = [statuses() for _ in range(3)]
    logout = service.call("POST", "/customers/logout", None, header)[0]
    alive = service.call("GET", "/healthz")[0]
    postgres.start()
    after = read_often()
    again = statuses()

    assert without == [[(503, "unavailable")] * 5] * 3
    assert (logout, alive) == (503, 200), "a logout that ends nothing is no success"
    assert (before, after) == ({200}, {200})
    assert again == [(200, None), (200, None), (200, None), (201, None), (200, None)]
    assert [line for line in service.lines() if line["level"] == "error"] == []


def test_a_slow_or_frozen_postgresql_is_a_503(postgres: Postgres, serve: Callable[..., Service]) -> None:
    """A frozen one takes connections and never answers: its own statement timeout is frozen with it."""
    postgres.execute("ALTER DATABASE postgres SET statement_timeout = '1s'")  # as deploy/role.sql does for its role
    url = make_conninfo(postgres.conninfo, connect_timeout=1)
    service = serve(url, CUSTOMERS_MAIL_SENDER="false", CUSTOMERS_DATABASE_TIMEOUT="5")
    path, header = sign_up(service, ANN["email"])

    with psycopg.connect(postgres.conninfo) as conn:
        conn.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        status, body = service.call("GET", path, headers=header)
    warnings = [line["message"] for line in service.lines() if line["level"] == "warning" and "request_id" in line]
    postgres.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(service.call, "GET", asked, headers=header) for asked in (path, "/readyz", "/healthz")]
        frozen = [call.result()[0] for call in calls]
    postgres.signal(signal.SIGCONT)

    assert (status, body["error"]["code"]) == (503, "unavailable")
    assert [message.partition(":")[0] for message in warnings] == ["QueryCanceled"]
    assert frozen == [503, 503, 200]
    assert service.call("GET", path, headers=header)[0] == 200
