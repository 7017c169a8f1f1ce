"""The image's command, as its user, on a read-only root: what it serves, who it is, how it ends."""

from tests.conftest import PASSWORD
from tests.image.confined import Contained, Container
from tests.support.service import free_port, sign_up, wait_until

USER = 10001


def test_it_serves_on_a_root_that_nobody_can_write_as_the_user_without_any_privilege(
    container: Container, service: Contained
) -> None:
    assert container.run("touch", "/tmp/attempt").returncode == 1
    path, header = sign_up(service, "contained@example.com")
    wait_until(lambda: len(service.first().children()) == 2)
    master, *workers = [service.first(), *service.first().children(recursive=True)]

    assert service.call("GET", "/healthz") == service.call("GET", "/readyz") == (200, {"data": {"status": "ok"}})
    assert service.call("GET", path, headers=header)[1]["data"]["email"] == "contained@example.com"
    assert service.metric("customers_database_up") == 1
    assert {line["level"] for line in service.lines()} <= {"info", "warning"}
    assert len(workers) == 2  # of process 1: there is no shell in between
    for process in (master, *workers):
        assert (set(process.uids()), set(process.gids())) == ({USER}, {USER})
        assert process.environ()["CUSTOMERS_SECRET_KEY"]  # it is the service, not a wrapper around it


def test_its_health_check_tells_a_service_from_none(container: Container, service: Contained) -> None:
    kind, *check = container.configuration["Healthcheck"]["Test"]
    assert {"HOST=0.0.0.0", "PORT=8000"} <= set(container.configuration["Env"])

    well = container.run(*check, PORT=str(service.port))
    proxied = container.run(*check, PORT=str(service.port), http_proxy="http://127.0.0.1:1")
    nobody = container.run(*check, PORT=str(free_port()))

    assert kind == "CMD"
    assert (well.returncode, well.stderr) == (0, "")
    assert (proxied.returncode, nobody.returncode) == (0, 1)


def test_its_commands_work(container: Container) -> None:
    create = f"echo '{PASSWORD}' | flask create-admin a@example.com --full-name A --password-stdin"

    created, purged = container.run("sh", "-c", create), container.run("flask", "purge")

    assert (created.returncode, created.stdout) == (0, "Admin a@example.com created.\n")
    assert (purged.returncode, purged.stdout.split()[0]) == (0, "Deleted")
