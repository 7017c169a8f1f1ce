"""Restarts and crashes under load: what nobody notices, and what is still there afterwards."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

from tests.conftest import REPOSITORY
from tests.deploy.database.postgres import Postgres
from tests.deploy.front import Front
from tests.deploy.load import Load, live, register
from tests.support.database import Db
from tests.support.service import Service, database_url, wait_until

CUSTOMERS = 6  # at once
SECONDS = float(os.environ.get("DEPLOY_SECONDS", "10"))  # how long customers register while the database is killed


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Front]:
    """Return instances of two workers each, behind nginx."""
    front = Front(tmp_path_factory.mktemp("front"), database_url(make_database()), CUSTOMERS_WORKERS="2")
    yield front
    front.stop()


def goes_on(load: Load, more: int = 200) -> None:
    """Wait until so many more requests have been answered."""
    seen = len(load.sent)
    wait_until(lambda: len(load.sent) > seen + more, 60)


SCRIPT = REPOSITORY / "deploy" / "rolling-restart.sh"


@contextmanager
def operator(front: Front) -> Iterator[tuple[str, list[int]]]:
    """Lend the script a command that restarts the instance on $PORT, and the exit statuses of what it stopped."""
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            statuses.append(front.instances.restart(int(self.path[1:])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"curl --silent --fail http://127.0.0.1:{server.server_port}/$PORT", statuses
        server.shutdown()


def roll(front: Front, command: str) -> subprocess.CompletedProcess[str]:
    """Run the documented script."""
    ports = " ".join(str(port) for port in front.instances.ports)
    return subprocess.run(
        [SCRIPT, command],
        env={**os.environ, "PORTS": ports, "RUN": str(front.nginx.folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_rolling_restart_by_the_script_under_reads_and_writes_fails_no_request(front: Front) -> None:
    load = Load(front)

    with operator(front) as (command, statuses), load.running(CUSTOMERS, live):
        goes_on(load)
        rolled = roll(front, command)
        goes_on(load)

    assert rolled.returncode == 0, rolled.stderr
    assert load.failed() == []
    assert statuses == [0, 0]
    assert min(load.counted(method) for method in ("GET", "POST", "PATCH")) > 100
    assert {line["status"] for line in front.nginx.lines()} <= {200, 201}
    assert list(front.nginx.folder.glob("nginx-without-*")) == []


def test_the_script_restarts_nothing_while_an_instance_is_not_ready_or_taken_out(front: Front) -> None:
    out = front.nginx.folder / f"nginx-without-{front.instances.ports[1]}"

    out.touch()
    taken = roll(front, "false")
    out.unlink()
    failed = roll(front, "exit 3")
    left = [path.name for path in front.nginx.folder.glob("nginx-without-*")]
    (front.nginx.folder / f"nginx-without-{front.instances.ports[0]}").unlink()
    with socket.socket() as nobody:  # bound, not listening
        nobody.bind(("127.0.0.1", 0))
        away = subprocess.run(
            [SCRIPT, "false"],
            env={**os.environ, "PORTS": str(nobody.getsockname()[1])},
            capture_output=True,
            check=False,
        )

    assert (taken.returncode, "is another restart under way?" in taken.stderr) == (1, True)
    assert (failed.returncode, left) == (1, [f"nginx-without-{front.instances.ports[0]}"])
    assert (away.returncode, b"nothing was restarted" in away.stderr) == (1, True)


def workers(service: Service) -> list[psutil.Process]:
    """Return the workers of an instance."""
    return psutil.Process(service.process.pid).children()


def wait_for_both_workers(service: Service) -> None:
    wait_until(lambda: len(workers(service)) == 2)


def test_a_killed_worker_takes_only_the_writes_with_it_that_it_was_at(front: Front) -> None:
    load, died = Load(front), []

    with load.running(CUSTOMERS, live):
        for number in (0, 1, 0, 1):
            goes_on(load)
            service = front.instances.services[number]
            victim = workers(service)[0]
            began = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait(timeout=30)
            died.append((began, time.monotonic()))
            wait_for_both_workers(service)
        goes_on(load)

    failed = load.failed()
    # At most one for each customer and death, in flight at that moment; a read is asked of another worker instead.
    assert len(failed) <= CUSTOMERS * len(died)
    assert {sent.method for sent in failed} <= {"POST", "PATCH"}
    assert {sent.status for sent in failed} <= {503}
    for sent in failed:
        assert any(sent.began < ended + 0.1 and sent.ended > began for began, ended in died), sent
    assert min(load.counted(method) for method in ("GET", "POST", "PATCH")) > 100


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL that may be killed."""
    postgres = Postgres(durable=True)
    yield postgres
    postgres.remove()


@pytest.fixture
def durable(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Return instances on that PostgreSQL."""
    front = Front(tmp_path_factory.mktemp("durable"), postgres.url())
    yield front
    front.stop()


def test_every_registration_that_was_acknowledged_survives_a_killed_database(
    postgres: Postgres, durable: Front
) -> None:
    load, began = Load(durable), time.monotonic()

    with load.running(CUSTOMERS, register):
        wait_until(lambda: time.monotonic() > began + SECONDS / 2 and load.counted("POST") > 20, SECONDS + 60)
        killed = time.monotonic()
        postgres.signal(signal.SIGKILL)
        postgres.start()
        back = time.monotonic()
        wait_until(lambda: any(sent.done and sent.began > back for sent in load.sent), 60)
        wait_until(lambda: time.monotonic() > began + SECONDS, SECONDS + 60)
    db = Db(postgres.url())
    fsync = db.one("SHOW fsync")["fsync"]
    stored = {row["email"] for row in db.all("SELECT email FROM customer")}
    db.close()

    acknowledged = [sent for sent in load.sent if sent.status == 201]
    assert fsync == "on"
    assert min(sent.ended for sent in acknowledged) < killed
    assert {sent.wanted for sent in acknowledged} - stored == set()
    assert {sent.status for sent in load.sent} == {201, 503}  # it was away, and nothing but that was told
    assert len(stored) <= len(load.sent)
