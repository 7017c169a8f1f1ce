"""Mail of the service as it is run: sent by itself, in spite of a `kill -9`, and by the commands of the operator."""

import signal
import stat
import subprocess
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import psutil
import psycopg
import pytest
from flask import Flask

from tests.conftest import REPOSITORY, Account
from tests.support.database import Db
from tests.support.service import ANN, BIN, Service, sign_up, wait_until
from tests.support.shops import with_schema
from tests.support.smtp import MAIL_FROM, NEW_PASSWORD, RESET_URL, Mailing, MailServer

RESET, CHANGED = "Your new password", "Your password was changed"
ASK = {"email": ANN["email"]}


@pytest.fixture
def mail(smtp: MailServer) -> dict[str, str]:
    return {"CUSTOMERS_SMTP_URL": smtp.url, "CUSTOMERS_MAIL_FROM": MAIL_FROM, "CUSTOMERS_RESET_URL": RESET_URL}


@pytest.fixture
def conninfo(make_database: Callable[[], str]) -> str:
    return with_schema(make_database())


def ask(service: Service) -> tuple[int, object]:
    return service.call("POST", "/api/customers/reset-password", ASK)


def sql(conninfo: str, statement: str) -> int:
    """Run a statement; return how many rows it touched."""
    with psycopg.connect(conninfo) as conn:
        return conn.execute(statement.encode()).rowcount


def kill(service: Service) -> None:
    """End master and workers at once, with nothing done before."""
    master = psutil.Process(service.process.pid)
    processes = [master, *master.children(recursive=True)]
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


def test_a_mail_arrives_by_itself_by_the_shops_own_templates_and_its_secret_reaches_no_log(
    conninfo: str, tmp_path: Path, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str]
) -> None:
    (tmp_path / "reset_password.txt").write_text("Grüße\n\nHier: {{ link }}\n", encoding="utf-8")
    service = serve(conninfo, **mail, CUSTOMERS_MAIL_TEMPLATES=str(tmp_path), CUSTOMERS_LOG_LEVEL="debug")
    service.call("POST", "/api/customers", ANN)

    assert ask(service) == (200, {"data": {}})
    wait_until(lambda: smtp.mails)

    (arrived,) = smtp.mails
    assert (arrived.recipients, arrived.message["From"], arrived.subject) == ([ANN["email"]], MAIL_FROM, "Grüße")
    assert arrived.part("plain").startswith("Hier: https://")
    change = {"token": arrived.token, "password": NEW_PASSWORD}
    assert service.call("POST", f"/api/customers/password?token={arrived.token}", change)[0] == 200
    assert service.call("GET", f"/reset?token={arrived.token}")[0] == 404
    wait_until(lambda: len(smtp.mails) == 2)
    assert [line["message"] for line in service.lines()].count("mail sent") == 2
    assert arrived.token not in service.log.read_text()


@pytest.mark.parametrize("trouble", ["down", "slow"])
def test_a_mail_outlives_a_service_that_is_killed_and_arrives_once(
    conninfo: str, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str], trouble: str
) -> None:
    service = serve(conninfo, **mail)
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
    sql(conninfo, "UPDATE outbox_mail SET next_attempt_at = now()")
    second = serve(conninfo, **mail)
    wait_until(lambda: smtp.mails)
    # Another mail, which is sent behind whatever else there is to send.
    assert second.call("PATCH", path, {"password": NEW_PASSWORD}, header)[0] == 200
    wait_until(lambda: len(smtp.mails) >= 2)

    assert (status, arrived) == (200, [])
    assert [mail.subject for mail in smtp.mails] == [RESET, CHANGED]
    assert smtp.recipients == [ANN["email"]] * 2
    wait_until(lambda: sql(conninfo, "SELECT FROM outbox_mail WHERE sent_at IS NULL") == 0)


def test_with_a_sender_of_its_own_the_service_sends_nothing_and_send_mail_does(
    conninfo: str, serve: Callable[..., Service], smtp: MailServer, mail: dict[str, str]
) -> None:
    service = serve(conninfo, **mail, CUSTOMERS_MAIL_SENDER="false")
    path, header = sign_up(service, ANN["email"])
    assert ask(service)[0] == 200
    assert service.call("PATCH", path, {"email": "new@example.com"}, header)[0] == 200
    waiting = sql(conninfo, "SELECT FROM outbox_mail WHERE attempts = 0")

    once = flask(service, "send-mail")
    output = once.communicate(timeout=60)[0]
    first = len(smtp.mails)
    watching = flask(service, "send-mail", "--watch")
    assert service.call("PATCH", path, {"password": NEW_PASSWORD}, header)[0] == 200
    wait_until(lambda: len(smtp.mails) > first, 60)
    watching.send_signal(signal.SIGTERM)
    errors = watching.communicate(timeout=60)[1]

    assert (waiting, once.returncode, watching.returncode) == (2, 0, 0), errors
    assert "Handled 2 mails." in output
    # The reset mail was asked for by an e-mail that no account has any more.
    assert sorted(smtp.recipients) == [ANN["email"], "new@example.com"]


def test_send_mail_without_a_server_is_an_error(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["send-mail"])

    assert result.exit_code == 1
    assert "CUSTOMERS_SMTP_URL is not set" in result.output


def test_in_development_a_mail_becomes_a_file_that_its_owner_alone_can_read(
    make_app: Callable[..., Flask], db: Db, smtp: MailServer, customer: Account, tmp_path: Path
) -> None:
    folder = tmp_path / "mail"
    mailing = Mailing(make_app, smtp, db, smtp_url="", mail_directory=folder)

    assert mailing.ask(customer.email).status_code == 200
    mailing.deliver()

    (file,) = folder.iterdir()
    assert message_from_bytes(file.read_bytes(), policy=policy.default)["To"] == customer.email
    assert (file.suffix, stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (
        ".eml",
        0o600,
        0o700,
    )
