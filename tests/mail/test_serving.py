"""Mail of the service as it is run: sent by itself, in spite of a `kill -9`, and by the commands of the operator."""

import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import psutil
import psycopg
import pytest
from flask import Flask

from dev import postgres
from tests.conftest import REPOSITORY
from tests.support.service import ANN, BIN, Service, sign_up, wait_until
from tests.support.smtp import MAIL_FROM, NEW_PASSWORD, RESET_URL, MailServer

RESET = "Your new password"
ASK = {"email": ANN["email"]}


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def mail(smtp: MailServer) -> dict[str, str]:
    return {"CUSTOMERS_SMTP_URL": smtp.url, "CUSTOMERS_MAIL_FROM": MAIL_FROM, "CUSTOMERS_RESET_URL": RESET_URL}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def ask(service: Service) -> tuple[int, object]:
    return service.call("POST", "/api/customers/reset-password", ASK)


def sql(folder: Path, statement: str) -> int:
    """Run a statement in the folder's database; return how many rows it touched."""
    with psycopg.connect(postgres.start(folder)) as conn:
        return conn.execute(statement.encode()).rowcount


def hurry(folder: Path) -> None:
    """End all pauses, and the leases of senders that are no more."""
    sql(folder, "UPDATE outbox_mail SET next_attempt_at = now(), last_error = NULL WHERE sent_at IS NULL")


def kill(service: Service) -> None:
    """End master and workers at once, with nothing done before."""
    master = psutil.Process(service.process.pid)
    processes = [master, *[child for child in master.children(recursive=True) if "postgres" not in child.name()]]
    for process in processes:
        process.suspend()  # so that none sees another die
    for process in processes:
        process.kill()
    service.process.wait(10)
    psutil.wait_procs(processes[1:], 10)


def flask(service: Service, *args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [BIN / "flask", *args],
        cwd=REPOSITORY,
        env=service.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_mail_arrives_by_itself_by_the_shops_own_templates(
    folder: Path, tmp_path: Path, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str]
) -> None:
    (tmp_path / "reset_password.txt").write_text("Gru\u00df, {{ name }}\n\nHier: {{ link }}\n", encoding="utf-8")
    service = serve(folder, **mail, CUSTOMERS_MAIL_TEMPLATES=str(tmp_path))
    name = "<script>alert('x')</script>"
    service.call("POST", "/api/customers", {**ANN, "full_name": name})

    assert ask(service) == (200, {"data": {}})
    wait_until(lambda: smtp.mails, 5)

    (arrived,) = smtp.mails
    assert (arrived.recipients, arrived.message["From"]) == ([ANN["email"]], MAIL_FROM)
    assert arrived.subject == f"Gru\u00df, {name}"
    assert arrived.part("plain").startswith("Hier: https://")
    assert "&lt;script&gt;" in arrived.part("html")
    assert "<script" not in arrived.part("html")
    change = {"token": arrived.token, "password": NEW_PASSWORD}
    assert service.call("POST", "/api/customers/password", change) == (200, {"data": {}})
    wait_until(lambda: len(smtp.mails) == 2, 5)
    assert arrived.token not in service.log.read_text()


@pytest.mark.parametrize("trouble", ["down", "slow"])
def test_a_mail_outlives_a_service_that_is_killed_and_arrives_once(
    folder: Path, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str], trouble: str
) -> None:
    service = serve(folder, **mail)
    path, header = sign_up(service, ANN["email"])
    if trouble == "down":
        smtp.stop()
    else:
        smtp.delay = 2

    status, _ = ask(service)
    kill(service)
    arrived = list(smtp.mails)
    smtp.stop()
    smtp.delay = 0
    smtp.start()
    hurry(folder)
    second = serve(folder, **mail)
    wait_until(lambda: smtp.mails)
    # Another mail, which is sent behind whatever else there is to send.
    assert second.call("PATCH", path, {"password": NEW_PASSWORD}, header)[0] == 200
    wait_until(lambda: len(smtp.mails) >= 2)

    assert (status, arrived) == (200, [])
    assert [mail.subject for mail in smtp.mails] == [RESET, "Your password was changed"]
    assert smtp.recipients == [ANN["email"]] * 2
    wait_until(lambda: sql(folder, "SELECT FROM outbox_mail WHERE sent_at IS NULL") == 0)


def test_without_the_mail_server_requests_and_changes_work_and_the_mails_arrive_later(
    folder: Path, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str]
) -> None:
    service = serve(folder, **mail)
    path, header = sign_up(service, ANN["email"])
    smtp.stop()

    assert ask(service)[0] == 200
    assert service.call("PATCH", path, {"full_name": "Ann B"}, header)[0] == 200
    assert service.call("PATCH", path, {"password": NEW_PASSWORD}, header)[0] == 200
    for attempts in (1, 2, 3):
        tried = f"SELECT FROM outbox_mail WHERE attempts = {attempts} AND last_error IS NOT NULL"
        wait_until(lambda statement=tried: sql(folder, statement) == 2)  # type: ignore[misc]  # a default binds the loop's value
        if attempts == 3:
            smtp.start()
        hurry(folder)

    wait_until(lambda: len(smtp.mails) == 2)
    assert sorted(mail.subject for mail in smtp.mails) == sorted([RESET, "Your password was changed"])
    assert [line for line in service.lines() if line["level"] == "error"] == []


def test_in_development_a_mail_becomes_a_file_that_its_owner_alone_can_read(
    folder: Path, serve: Callable[..., Service]
) -> None:
    service = serve(folder)
    sign_up(service, ANN["email"])

    assert ask(service)[0] == 200
    wait_until(lambda: list((folder / "mail").glob("*.eml")), 5)

    (file,) = (folder / "mail").iterdir()
    assert message_from_bytes(file.read_bytes(), policy=policy.default)["To"] == ANN["email"]
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    assert any(str(folder / "mail") in line["message"] for line in service.lines())


def test_with_a_sender_of_its_own_the_service_sends_nothing_and_send_mail_does(
    folder: Path, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str]
) -> None:
    service = serve(folder, **mail, CUSTOMERS_MAIL_SENDER="false")
    path, header = sign_up(service, ANN["email"])
    assert ask(service)[0] == 200
    assert service.call("PATCH", path, {"email": "new@example.com"}, header)[0] == 200
    waiting = sql(folder, "SELECT FROM outbox_mail WHERE attempts = 0")

    once = flask(service, "send-mail")
    output = once.communicate(timeout=30)[0]
    first = len(smtp.mails)
    watching = flask(service, "send-mail", "--watch")
    assert service.call("PATCH", path, {"password": NEW_PASSWORD}, header)[0] == 200
    wait_until(lambda: len(smtp.mails) > first)
    watching.send_signal(signal.SIGTERM)
    errors = watching.communicate(timeout=30)[1]

    assert (waiting, once.returncode, watching.returncode) == (2, 0, 0), errors
    assert "mails" in output
    # The reset mail was asked for by an address that no account has any more.
    assert sorted(smtp.recipients) == [ANN["email"], "new@example.com"]


def test_send_mail_without_a_server_is_an_error(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["send-mail"])

    assert result.exit_code == 1
    assert "CUSTOMERS_SMTP_URL is not set" in result.output
