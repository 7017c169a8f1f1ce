"""The primary is lost under load, and its synchronous standby becomes the primary."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext

import pytest

from tests.deploy.database.postgres import Postgres
from tests.deploy.load import Load, register
from tests.support.service import Service, sign_up, wait_until
from tests.support.shops import with_schema
from tests.support.smtp import MAIL_FROM, RESET_URL, MailServer

WRITERS = 8
PROMISED = 10  # seconds from the promotion


@pytest.fixture
def primary() -> Iterator[Postgres]:
    with closing(Postgres()) as server:
        with_schema(server.conninfo)
        yield server


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    with closing(Postgres(primary)) as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def either(*servers: Postgres) -> str:
    """Return a URL with several hosts, of which the one that takes writes is meant."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"


@pytest.mark.parametrize("lost", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_the_service_follows_a_promotion_within_ten_seconds_and_loses_no_acknowledged_write(
    primary: Postgres, standby: Postgres, serve: Callable[..., Service], smtp: MailServer, lost: signal.Signals
) -> None:
    primary.wait_for_standbys()
    mail = {"CUSTOMERS_SMTP_URL": smtp.url, "CUSTOMERS_MAIL_FROM": MAIL_FROM, "CUSTOMERS_RESET_URL": RESET_URL}
    service = serve(either(primary, standby), **mail)
    path, header = sign_up(service, "ann@example.com")
    load = Load(lambda: nullcontext(service.call))

    def refused() -> int:
        return len([sent for sent in load.sent if sent.status == 503])

    with load.running(WRITERS, register):
        wait_until(lambda: load.counted("POST") > 100, 60)
        primary.signal(lost)
        wait_until(refused)
        standby.promote()
        before, began = load.counted("POST"), time.monotonic()
        wait_until(lambda: load.counted("POST") > before + WRITERS, 60)
        seconds = time.monotonic() - began
        # A thread that has not called yet finds out at its first call that its connection is lost.
        wait_until(lambda: service.call("GET", path, headers=header)[0] == 200, PROMISED)
        refused_before = refused()
        load.goes_on(100)
        refused_later = refused() - refused_before
    asked = {"email": "ann@example.com"}
    wait_until(lambda: service.call("POST", "/api/customers/reset-password", asked)[0] == 200, PROMISED)
    wait_until(lambda: smtp.recipients == ["ann@example.com"], 30)
    if lost == signal.SIGSTOP:
        primary.signal(signal.SIGCONT)
    stored = {email for (email,) in standby.execute("SELECT email FROM customer")}
    print(f"served again after {seconds:.1f} s; {refused_later} refused later")

    assert seconds < PROMISED
    assert load.acknowledged() - stored == set()
    assert {sent.status for sent in load.sent} == {201, 503}
    assert refused_later <= WRITERS  # what was on its way to the lost one


def test_a_primary_that_takes_no_more_writes_is_left_and_found_again(
    primary: Postgres, serve: Callable[..., Service]
) -> None:
    """Its open connections go on and read, which is how a demoted one was held on to for ever; writes were a 500."""
    service = serve(either(primary), CUSTOMERS_WORKERS="1")
    path, header = sign_up(service, "ann@example.com")
    reload = "SELECT pg_reload_conf()"

    def rename() -> int:
        return service.call("PATCH", path, {"full_name": "Zoë"}, header)[0]

    primary.execute("ALTER SYSTEM SET default_transaction_read_only = on", reload)
    wait_until(lambda: rename() == 503)
    read_only = [rename(), service.call("GET", "/readyz")[0]]
    back = "ALTER SYSTEM RESET default_transaction_read_only"
    primary.execute("SET default_transaction_read_only = off", back, reload)
    wait_until(lambda: rename() == 200, 10)

    assert read_only == [503, 503]
    assert [line["level"] for line in service.lines() if line["level"] == "error"] == []
