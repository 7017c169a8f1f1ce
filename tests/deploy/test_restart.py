"""A rolling restart under load, which nobody notices."""

import os
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.conftest import REPOSITORY
from tests.deploy.front import Front, opened
from tests.deploy.load import DONE, Load, live
from tests.support.answering import Reply, answering
from tests.support.service import database_url, free_port

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
    assert [sent for sent in load.sent if sent.status not in DONE] == []
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
    away = roll(front, "false", [free_port()])

    assert (taken.returncode, "is another restart under way?" in taken.stderr) == (1, True)
    assert (failed.returncode, left) == (1, [first])
    assert (away.returncode, "nothing was restarted" in away.stderr) == (1, True)
