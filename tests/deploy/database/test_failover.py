"""The primary is lost under load, and its synchronous standby becomes the primary."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.deploy.front import opened
from tests.deploy.load import Load, register
from tests.support.postgres import Postgres
from tests.support.service import Service, sign_up, wait_until
from tests.support.shops import with_schema
from tests.support.smtp import MailServer

WRITERS = 8
BOUND = 30  # seconds from the promotion: ten, on a machine that is not busy with other things


@pytest.fixture
def primary() -> Iterator[Postgres]:
    with closing(Postgres(durable=True)) as server:
        yield server


def either(*servers: Postgres) -> str:
    """Return a URL with several hosts, of which the one that takes writes is meant."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"


@pytest.mark.parametrize("lost", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_the_service_follows_within_ten_seconds_and_no_acknowledged_write_is_lost(
    primary: Postgres, tmp_path: Path, lost: signal.Signals
) -> None:
    with (
        closing(Postgres(primary)) as standby,
        MailServer() as mails,
        opened(tmp_path, either(primary, standby), {}, **mails.settings) as front,
    ):
        primary.wait_for_standbys()
        ann, load = front.sign_up("ann@example.com"), Load(front.nginx)

        def refused() -> int:
            return len([sent for sent in load.sent if sent.status == 503])

        def status(method: str, path: str, *body: dict[str, str]) -> int:
            return front.nginx.call(method, path, *body, X_Session_ID=ann.sid).status

        with load.running(WRITERS, register):
            wait_until(lambda: load.counted("POST") > 100, 60)
            primary.signal(lost)
            wait_until(refused, 60)
            standby.promote()
            before = load.counted("POST")
            wait_until(lambda: load.counted("POST") > before + WRITERS, BOUND)
            # A thread that has not called yet finds out at its first call that its connection is lost.
            wait_until(lambda: status("GET", "/api/customers/me") == 200, BOUND)
            refused_before = refused()
            load.goes_on(100)
            refused_later = refused() - refused_before
        wait_until(lambda: status("POST", "/api/customers/reset-password", {"email": "ann@example.com"}) == 200, BOUND)
        wait_until(lambda: mails.recipients == ["ann@example.com"], BOUND)
        if lost == signal.SIGSTOP:
            primary.signal(signal.SIGCONT)
        stored = {row[0] for row in standby.execute("SELECT email FROM customer")}

    assert {sent.body["email"] for sent in load.sent if sent.status == 201} - stored == set()
    assert {sent.status for sent in load.sent} == {201, 503}
    assert refused_later <= WRITERS  # what was on its way to the lost one


def test_a_read_only_primary_is_left_and_found_again(primary: Postgres, serve: Callable[..., Service]) -> None:
    """Its open connections go on and read, which is how a demoted one was held on to for ever; writes were a 500."""
    with_schema(primary.conninfo)
    service = serve(either(primary), CUSTOMERS_WORKERS="1")
    path, header = sign_up(service, "ann@example.com")
    reload = "SELECT pg_reload_conf()"

    def rename() -> int:
        return service.call("PATCH", path, {"full_name": "Zoë"}, header)[0]

    primary.execute("ALTER SYSTEM SET default_transaction_read_only = on", reload)
    # Each thread has a connection of its own, and leaves it at its first write.
    wait_until(lambda: [rename(), service.call("GET", "/readyz")[0]] == [503, 503])
    back = "ALTER SYSTEM RESET default_transaction_read_only"
    primary.execute("SET default_transaction_read_only = off", back, reload)
    wait_until(lambda: rename() == 200, 10)

    assert [line["level"] for line in service.lines() if line["level"] == "error"] == []
