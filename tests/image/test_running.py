"""The image's command, as its user, on a read-only root: what it serves, who it is, how it ends."""

import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil

from tests.conftest import PASSWORD
from tests.image.confined import Contained, Container
from tests.support.service import ANN, free_port, sign_up, wait_until

USER = 10001


def test_it_serves_on_a_root_that_nobody_can_write(start: Callable[..., Contained]) -> None:
    service = start()

    path, header = sign_up(service, "contained@example.com")

    assert service.call("GET", "/healthz") == service.call("GET", "/readyz") == (200, {"data": {"status": "ok"}})
    assert service.call("GET", path, headers=header)[1]["data"]["email"] == "contained@example.com"
    with urllib.request.urlopen(f"{service.base}/metrics", timeout=10) as metrics:  # noqa: S310  # an address of this machine
        assert b"\ncustomers_database_up 1.0\n" in metrics.read()
    assert {line["level"] for line in service.lines()} <= {"info", "warning"}


def test_all_that_runs_is_the_user_without_any_privilege(start: Callable[..., Contained]) -> None:
    service = start()
    wait_until(lambda: len(service.first().children()) == 2)

    master, *others = [service.first(), *service.first().children(recursive=True)]

    assert len(others) == 2  # the workers
    for process in (master, *others):
        assert (set(process.uids()), set(process.gids())) == ({USER}, {USER})
        assert process.environ()["CUSTOMERS_SECRET_KEY"]  # it is the service, not a wrapper around it


def test_its_root_is_read_only_but_for_shared_memory(container: Container) -> None:
    attempt = (
        "for folder in / /app /app/customers /venv/bin /tmp /var/tmp /run /dev/shm; do"
        " (: > $folder/attempt) 2>/dev/null && echo $folder; done; grep -E 'NoNewPrivs|CapBnd|CapEff' /proc/self/status"
    )

    done = container.run("sh", "-c", attempt)

    assert done.stdout.split() == [
        "/dev/shm",  # noqa: S108  # the attempt is what is wanted
        "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1",
    ]  # fmt: skip


def test_where_shared_memory_cannot_be_written_another_folder_does(container: Container, tmp_path: Path) -> None:
    service = Contained(replace(container, writable=("tmp",)), tmp_path / "log")
    try:
        ready = service.call("GET", "/readyz")[0]
        with urllib.request.urlopen(f"{service.base}/metrics", timeout=10) as metrics:  # noqa: S310  # likewise
            measured = metrics.status
    finally:
        status = service.stop()

    assert (ready, measured, status) == (200, 200, 0)


def test_its_health_check_tells_a_service_from_none(container: Container, start: Callable[..., Contained]) -> None:
    service = start()
    kind, *check = container.configuration["Healthcheck"]["Test"]

    well = container.run(*check, PORT=str(service.port))
    proxied = container.run(*check, PORT=str(service.port), http_proxy="http://127.0.0.1:1")
    nobody = container.run(*check, PORT=str(free_port()))

    assert kind == "CMD"
    assert (well.returncode, well.stderr) == (0, "")
    assert proxied.returncode == 0
    assert nobody.returncode == 1


def test_sigterm_finishes_a_request_in_flight(start: Callable[..., Contained]) -> None:
    # A server of mail that is away: each worker then has a thread that asks for it, by which one sees that it is there.
    mail = {"CUSTOMERS_SMTP_URL": "smtp://127.0.0.1:1", "CUSTOMERS_MAIL_FROM": "shop@example.com",
            "CUSTOMERS_RESET_URL": "https://shop.example/{token}"}  # fmt: skip
    service = start(CUSTOMERS_BCRYPT_ROUNDS="13", **mail)

    def threads() -> list[int]:
        return [worker.num_threads() for worker in service.first().children()]

    wait_until(lambda: len(threads()) == 2 and min(threads()) >= 2)
    with ThreadPoolExecutor(1) as pool:
        at_rest = sum(threads())
        in_flight = pool.submit(service.call, "POST", "/api/customers", {**ANN, "email": "in-flight@example.com"})
        wait_until(lambda: sum(threads()) > at_rest)
        everybody = [service.first(), *service.first().children(recursive=True)]
        status = service.stop()

    assert in_flight.result()[0] == 201
    assert status == 0
    assert psutil.wait_procs(everybody, timeout=10)[1] == []


def test_without_settings_it_says_what_is_missing_and_does_not_start(bare: Container) -> None:
    neither = bare.run()
    no_key = bare.run(CUSTOMERS_DATABASE_URL="postgresql://localhost/customers")

    assert (neither.returncode, no_key.returncode) == (1, 1)
    assert "CUSTOMERS_DATABASE_URL: Missing." in neither.stderr
    assert "CUSTOMERS_SECRET_KEY: Missing." in no_key.stderr


def test_its_commands_work(container: Container) -> None:
    created = container.run(
        "sh", "-c", f"echo '{PASSWORD}' | flask create-admin a@example.com --full-name A --password-stdin"
    )
    purged = container.run("flask", "purge")

    assert (created.returncode, created.stdout) == (0, "Admin a@example.com created.\n")
    assert (purged.returncode, purged.stdout.split()[0]) == (0, "Deleted")
