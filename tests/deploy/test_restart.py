"""Restarts and crashes under load: what nobody notices, and what is lost."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.conftest import REPOSITORY
from tests.deploy.front import Front, opened
from tests.deploy.load import Load, live
from tests.support.answering import Reply, answering
from tests.support.service import Service, database_url, wait_until

CUSTOMERS = 6  # at once
SCRIPT = REPOSITORY / "deploy" / "rolling-restart.sh"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Front]:
    """Return instances of two workers each, behind nginx."""
    folder, url = tmp_path_factory.mktemp("front"), database_url(make_database())
    with opened(folder, url, CUSTOMERS_WORKERS="2") as front:
        yield front


def roll(front: Front, command: str, ports: list[int]) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PORTS": " ".join(str(port) for port in ports), "RUN": str(front.nginx.folder)}
    return subprocess.run([SCRIPT, command], env=variables, capture_output=True, text=True, check=False, timeout=300)


def test_a_rolling_restart_by_the_script_under_reads_and_writes_fails_no_request(front: Front) -> None:
    load, statuses = Load(front.nginx), list[int]()

    def restart(request: BaseHTTPRequestHandler, _: bytes) -> Reply:
        statuses.append(front.instances.restart(int(request.path[1:])))
        return 200, "text/plain", b""

    with answering(restart) as port, load.running(CUSTOMERS, live):
        load.goes_on()
        rolled = roll(front, f"curl --silent --fail http://127.0.0.1:{port}/$PORT", front.instances.ports)
        load.goes_on()

    assert rolled.returncode == 0, rolled.stderr
    assert load.failed() == []
    assert statuses == [0, 0]
    assert min(load.counted(method) for method in ("GET", "POST", "PATCH")) > 100
    assert {line["status"] for line in front.nginx.lines()} <= {200, 201}
    assert list(front.nginx.folder.glob("nginx-without-*")) == []


def test_the_script_restarts_nothing_while_an_instance_is_not_ready_or_taken_out(front: Front) -> None:
    first, second = (front.nginx.folder / f"nginx-without-{port}" for port in front.instances.ports)

    second.touch()
    taken = roll(front, "false", front.instances.ports)
    second.unlink()
    failed = roll(front, "exit 3", front.instances.ports)
    left = list(front.nginx.folder.glob("nginx-without-*"))
    first.unlink()
    with socket.socket() as nobody:  # bound, not listening
        nobody.bind(("127.0.0.1", 0))
        away = roll(front, "false", [nobody.getsockname()[1]])

    assert (taken.returncode, "is another restart under way?" in taken.stderr) == (1, True)
    assert (failed.returncode, left) == (1, [first])
    assert (away.returncode, "nothing was restarted" in away.stderr) == (1, True)


def has_two_workers(service: Service) -> Callable[[], bool]:
    return lambda: len(service.workers()) == 2


def test_a_killed_worker_takes_only_the_writes_with_it_that_it_was_at(front: Front) -> None:
    load = Load(front.nginx)

    with load.running(CUSTOMERS, live):
        for service in front.instances.services:
            load.goes_on()
            service.workers()[0].kill()
            load.goes_on()
            wait_until(has_two_workers(service))

    # At most one for each customer and death; a read is asked of another worker instead. Unless its answer had begun:
    # gunicorn sends the head first, and nginx then has passed it on.
    assert len(load.failed()) <= CUSTOMERS * 2
    lost = [sent for sent in load.failed() if "IncompleteRead" not in str(sent.said)]
    assert [sent for sent in lost if (sent.method, sent.status) not in {("POST", 503), ("PATCH", 503)}] == []
