"""The primary is lost under load, and its synchronous standby becomes the primary."""

import itertools
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.deploy.database.postgres import Postgres
from tests.support.service import ANN, Service, sign_up, wait_until
from tests.support.shops import with_schema
from tests.support.smtp import MAIL_FROM, RESET_URL, MailServer

_WRITERS = 8
_PROMISED = 10  # seconds from the promotion


class Load:
    """Threads that register customers, one after another, and note what they are answered."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(_WRITERS)]
        self.acknowledged: list[str] = []
        self.statuses = Counter[int]()

    def _run(self) -> None:
        while not self._ended.is_set():
            email = f"person{next(self._numbers)}@example.com"
            status, _ = self._service.call("POST", "/api/customers", {**ANN, "email": email})
            self.statuses[status] += 1
            if status == 201:
                self.acknowledged.append(email)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def either(*servers: Postgres) -> str:
    """Return a URL with several hosts, of which the one that takes writes is meant."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"


def seconds_until(condition: Callable[[], object]) -> float:
    began = time.monotonic()
    wait_until(condition, 60)
    return time.monotonic() - began


@pytest.mark.parametrize("lost", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_the_service_follows_a_promotion_within_ten_seconds_and_loses_no_acknowledged_write(
    primary: Postgres, standby: Postgres, start: Callable[..., Service], lost: signal.Signals
) -> None:
    primary.wait_for_standbys()
    service = start(CUSTOMERS_DATABASE_URL=either(primary, standby))
    path, header = sign_up(service, "ann@example.com")

    with Load(service) as load:
        wait_until(lambda: len(load.acknowledged) > 100)
        primary.signal(lost)
        wait_until(lambda: load.statuses[503])
        standby.promote()
        before = len(load.acknowledged)
        seconds = seconds_until(lambda: len(load.acknowledged) > before + _WRITERS)
        read = service.call("GET", path, headers=header)[0]
        sent, refused = sum(load.statuses.values()), load.statuses[503]
        wait_until(lambda: sum(load.statuses.values()) > sent + 200)
        refused_later = load.statuses[503] - refused
    if lost == signal.SIGSTOP:
        primary.signal(signal.SIGCONT)
    there = {email for (email,) in standby.execute("SELECT email FROM customer")}
    print(f"served again after {seconds:.1f} s; {dict(load.statuses)}; {refused_later} refused later")

    assert seconds < _PROMISED
    assert read == 200
    assert set(load.acknowledged) - there == set()
    assert set(load.statuses) == {201, 503}
    assert refused_later <= _WRITERS  # what was on its way to the lost one


def test_mail_and_metrics_follow_a_promotion(
    primary: Postgres, standby: Postgres, start: Callable[..., Service]
) -> None:
    with MailServer() as smtp:
        mail = {"CUSTOMERS_SMTP_URL": smtp.url, "CUSTOMERS_MAIL_FROM": MAIL_FROM, "CUSTOMERS_RESET_URL": RESET_URL}
        service = start(**mail, CUSTOMERS_DATABASE_URL=either(primary, standby))
        sign_up(service, ANN["email"])
        wait_until(lambda: standby.execute("SELECT email FROM customer"))

        primary.signal(signal.SIGKILL)
        wait_until(lambda: service.metric("customers_database_up") == 0)
        standby.promote()
        wait_until(lambda: service.metric("customers_database_up") == 1)
        wait_until(lambda: service.call("POST", "/api/customers/reset-password", {"email": ANN["email"]})[0] == 200)
        wait_until(lambda: smtp.recipients == [ANN["email"]], 30)


def test_a_primary_that_takes_no_more_writes_is_left_and_found_again(
    primary: Postgres, start: Callable[..., Service]
) -> None:
    """Its open connections go on and read, which is how a demoted one was held on to for ever; writes were a 500."""
    with_schema(primary.conninfo())
    service = start(CUSTOMERS_DATABASE_URL=either(primary), CUSTOMERS_WORKERS="1")
    path, header = sign_up(service, "ann@example.com")

    def rename() -> int:
        return service.call("PATCH", path, {"full_name": "Zoë"}, header)[0]

    primary.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    wait_until(lambda: rename() == 503)
    read_only = [rename(), service.call("GET", "/readyz")[0]]
    primary.execute(
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    )
    wait_until(lambda: rename() == 200, 10)

    assert read_only == [503, 503]
    assert [line["level"] for line in service.lines() if line["level"] == "error"] == []
