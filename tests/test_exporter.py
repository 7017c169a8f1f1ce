"""The process that serves metrics: what it tells when things go wrong, and how it begins and ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from prometheus_client import CollectorRegistry

from dev import postgres, exporter
from customers.config import Settings
from tests.conftest import REPOSITORY
from tests.support.measured import Measured
from tests.support.service import ANN, BIN, Service, environment, free_port, sign_up, wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exporter")


def test_a_rush_shows_in_the_queue_the_pool_and_the_refusals(folder: Path, serve: Callable[..., Service]) -> None:
    """And a scrape is answered all the while."""
    settings = {"CUSTOMERS_BCRYPT_ROUNDS": "12", "CUSTOMERS_HASH_MAX_WAIT": "0.5"}
    measured = Measured(serve, folder, CUSTOMERS_HASH_THREADS="1", **settings)
    login = {"email": "nobody@example.com", "password": "wrong password"}

    deepest = 0.0
    with ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(measured.service.call, "POST", "/customer/login", login) for _ in range(24)]
        while not all(call.done() for call in calls):
            deepest = max(deepest, measured.value("customers_hashing_jobs"))
    statuses = [call.result()[0] for call in calls]

    assert deepest >= 1
    assert statuses.count(503) >= 1
    assert measured.value("customers_hashing_refusals_total") == statuses.count(503)
    assert measured.value("customers_http_requests_total", status="503") == statuses.count(503)
    assert measured.value("customers_hashing_jobs") == 0


def test_a_connection_in_use_is_counted_and_its_end_with_its_worker_too(
    folder: Path, serve: Callable[..., Service]
) -> None:
    measured = Measured(serve, folder, CUSTOMERS_WORKERS="1", CUSTOMERS_MAIL_SENDER="false")
    path, header = sign_up(measured.service, "waits@example.com")
    with psycopg.connect(postgres.start(folder)) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        pool.submit(read_in_vain, measured.service, path, header)
        wait_until(lambda: measured.value("customers_database_connections_in_use") == 1)

        measured.workers()[0].kill()

        wait_until(lambda: measured.value("customers_database_connections_in_use") == 0)


def read_in_vain(service: Service, path: str, header: dict[str, str]) -> None:
    with pytest.raises(OSError):  # noqa: PT011  # however the connection to a killed worker ends
        service.call("GET", path, headers=header)


def test_the_outbox_is_measured_and_without_the_database_the_rest_still_is(
    tmp_path: Path, serve: Callable[..., Service]
) -> None:
    folder = tmp_path / "data"
    measured = Measured(serve, folder, CUSTOMERS_MAIL_SENDER="false")
    measured.service.call("POST", "/api/customers/reset-password", {"email": ANN["email"]})
    with psycopg.connect(postgres.start(folder)) as conn:
        conn.execute("UPDATE outbox_mail SET created_at = now() - interval '1 hour'")
    waiting, seconds = measured.value("customers_outbox_mails"), measured.value("customers_outbox_oldest_seconds")
    up = measured.value("customers_database_up")

    os.kill(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)

    wait_until(lambda: measured.value("customers_database_up") == 0)
    assert (waiting, up) == (1, 1)
    assert 3600 <= seconds < 3700
    names = {name for name, _ in measured.scrape()}
    assert "customers_outbox_mails" not in names
    assert {"customers_http_requests_total", "customers_build_info"} <= names


def test_an_address_that_is_taken_is_one_clear_line() -> None:
    database = {"CUSTOMERS_DATABASE_URL": "postgresql://127.0.0.1:1/none", "CUSTOMERS_SECRET_KEY": "k" * 32}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        failed = subprocess.run(
            [BIN / "gunicorn"],
            cwd=REPOSITORY,
            env=environment(PORT=str(free_port()), CUSTOMERS_METRICS=address, **database),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert failed.returncode == 1
    assert (
        failed.stderr.splitlines()[-1]
        == f"Error: CUSTOMERS_METRICS: cannot listen on {address}: Address already in use"
    )
    assert "Traceback" not in failed.stderr


def test_the_process_that_serves_ends_with_a_master_that_was_killed_and_leaves_its_port(
    folder: Path, serve: Callable[..., Service]
) -> None:
    first = Measured(serve, folder)
    children = psutil.Process(first.service.process.pid).children()

    first.service.process.kill()
    first.service.process.wait()

    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    serve(folder, CUSTOMERS_METRICS=f"127.0.0.1:{first.port}")


FILES = """
import sys
from pathlib import Path
from customers.countfiles import CountFiles
files = CountFiles(Path(sys.argv[1]))
files.adopt(files.reserve(set()))
print(files.directory, flush=True)
sys.stdin.read()
"""


def count_in(base: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that has files of counts, and return it and where they are."""
    process = subprocess.Popen(
        [sys.executable, "-c", FILES, base], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_files_of_one_that_was_killed_are_removed_by_the_next_and_those_of_the_living_stay(tmp_path: Path) -> None:
    killed, left = count_in(tmp_path)
    killed.kill()
    killed.communicate()
    assert left.is_dir()

    first, kept = count_in(tmp_path)
    second, other = count_in(tmp_path)
    found = set(tmp_path.iterdir())
    modes = {path.stat().st_mode & 0o777 for path in found}
    for process in (first, second):
        process.communicate(timeout=30)

    assert found == {kept, other}
    assert modes == {0o700}
    assert list(tmp_path.iterdir()) == []


def test_only_metrics_are_served_and_a_database_that_is_away_is_one_of_them(settings: Settings) -> None:
    registry = CollectorRegistry()
    registry.register(exporter.State(replace(settings, database_url="postgresql://127.0.0.1:1/none")))
    server = exporter.Server(("127.0.0.1", 0), registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with urllib.request.urlopen(f"{base}/metrics", timeout=10) as response:  # noqa: S310  # an address of this machine
            text = response.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"{base}/other", timeout=10)  # noqa: S310  # likewise
        refused.value.close()
    finally:
        server.shutdown()
        server.server_close()

    assert "customers_database_up 0.0" in text
    assert "customers_outbox" not in text
