"""Restarts and crashes under load: what nobody notices, and what is still there afterwards."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import psutil
import pytest

from tests.conftest import REPOSITORY
from tests.deploy.answering import answering
from tests.deploy.database.postgres import Postgres
from tests.deploy.front import Front, opened
from tests.deploy.load import DONE, Load, live, register
from tests.support.service import database_url, wait_until

CUSTOMERS = 6  # at once
SCRIPT = REPOSITORY / "deploy" / "rolling-restart.sh"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Front]:
    """Return instances of two workers each, behind nginx."""
    folder, url = tmp_path_factory.mktemp("front"), database_url(make_database())
    with opened(folder, url, CUSTOMERS_WORKERS="2") as front:
        yield front


def through(front: Front) -> Load:
    """Return customers who come through nginx, each over a kept connection."""
    return Load(front.nginx.asking)


def roll(front: Front, command: str, ports: list[int]) -> subprocess.CompletedProcess[str]:
    """Run the documented script."""
    variables = {**os.environ, "PORTS": " ".join(str(port) for port in ports), "RUN": str(front.nginx.folder)}
    return subprocess.run([SCRIPT, command], env=variables, capture_output=True, text=True, check=False, timeout=300)


def test_a_rolling_restart_by_the_script_under_reads_and_writes_fails_no_request(front: Front) -> None:
    load, statuses = through(front), list[int]()

    def restart(request: object, _: bytes) -> tuple[int, str, bytes]:
        statuses.append(front.instances.restart(int(request.path[1:])))  # type: ignore[attr-defined]  # a request
        return 200, "text/plain", b""

    with answering(restart) as port, load.running(CUSTOMERS, live):
        load.goes_on()
        rolled = roll(front, f"curl --silent --fail http://127.0.0.1:{port}/$PORT", front.instances.ports)
        load.goes_on()

    assert rolled.returncode == 0, rolled.stderr
    assert [sent for sent in load.sent if sent.status not in DONE] == []
    assert statuses == [0, 0]
    assert min(load.counted(method) for method in ("GET", "POST", "PATCH")) > 100
    assert {line["status"] for line in front.nginx.lines()} <= {200, 201}
    assert list(front.nginx.folder.glob("nginx-without-*")) == []


def test_the_script_restarts_nothing_while_an_instance_is_not_ready_or_taken_out(front: Front) -> None:
    ports = front.instances.ports
    first, second = (front.nginx.folder / f"nginx-without-{port}" for port in ports)

    second.touch()
    taken = roll(front, "false", ports)
    second.unlink()
    failed = roll(front, "exit 3", ports)
    left = list(front.nginx.folder.glob("nginx-without-*"))
    first.unlink()
    with socket.socket() as nobody:  # bound, not listening
        nobody.bind(("127.0.0.1", 0))
        away = roll(front, "false", [nobody.getsockname()[1]])

    assert (taken.returncode, "is another restart under way?" in taken.stderr) == (1, True)
    assert (failed.returncode, left) == (1, [first])
    assert (away.returncode, "nothing was restarted" in away.stderr) == (1, True)


def test_a_killed_worker_takes_only_the_writes_with_it_that_it_was_at(front: Front) -> None:
    load, died = through(front), []

    with load.running(CUSTOMERS, live):
        for service in front.instances.services:
            load.goes_on()
            master = psutil.Process(service.process.pid)
            victim, began = master.children()[0], time.monotonic()
            victim.kill()
            victim.wait(timeout=30)
            died.append((began, time.monotonic()))
            wait_until(lambda master=master: len(master.children()) == 2)  # type: ignore[misc]  # bound now
        load.goes_on()

    failed = [sent for sent in load.sent if sent.status not in DONE]
    # At most one for each customer and death, in flight at that moment; a read is asked of another worker instead.
    assert len(failed) <= CUSTOMERS * len(died)
    # Unless its answer had begun: gunicorn sends the head first, and nginx then has passed it on.
    lost = [sent for sent in failed if "IncompleteRead" not in str(sent.said)]
    assert [sent for sent in lost if (sent.method, sent.status) not in {("POST", 503), ("PATCH", 503)}] == []
    for sent in failed:
        assert any(sent.began < ended + 0.1 and sent.ended > began for began, ended in died), sent


def test_every_registration_that_was_acknowledged_survives_a_killed_database(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with closing(Postgres(durable=True)) as postgres:
        with opened(tmp_path_factory.mktemp("durable"), postgres.url) as front:
            load = through(front)
            with load.running(CUSTOMERS, register):
                wait_until(lambda: load.counted("POST") > 100, 60)
                postgres.signal(signal.SIGKILL)
                before = len(load.acknowledged())
                postgres.start()
                wait_until(lambda: load.counted("POST") > before + 100, 60)
        ((fsync,),) = postgres.execute("SHOW fsync")
        stored = {email for (email,) in postgres.execute("SELECT email FROM customer")}

    assert fsync == "on"
    assert load.acknowledged() - stored == set()
    assert {sent.status for sent in load.sent} == {201, 503}  # it was away, and nothing but that was told
