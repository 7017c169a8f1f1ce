"""Mail of the service as it is run: sent by itself, in spite of a `kill -9`."""

import stat
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import Account
from tests.support.builders import NEW_PASSWORD
from tests.support.database import Db
from tests.support.service import ANN, Service, sign_up, wait_until
from tests.support.shops import with_schema
from tests.support.smtp import MAIL_FROM, Mailing, MailServer

Start = Callable[..., Service]


@pytest.fixture
def start(serve: Start, make_database: Callable[[], str], smtp: MailServer) -> Start:
    conninfo = with_schema(make_database())
    return lambda **settings: serve(conninfo, CUSTOMERS_WORKERS="1", **smtp.settings, **settings)


def ask(service: Service) -> None:
    asked = service.call("POST", "/api/customers/reset-password", {"email": ANN["email"]})
    assert asked == (200, {"data": {}})


def kill(service: Service) -> None:
    """End master and workers at once: the master first, which would replace them."""
    workers = service.workers()
    service.process.kill()
    for worker in workers:
        worker.kill()
    service.process.wait(10)
    psutil.wait_procs(workers, 10)


def test_a_mail_arrives_by_itself_by_the_shops_own_templates_and_its_secret_reaches_no_log(
    start: Start, tmp_path: Path, smtp: MailServer
) -> None:
    """An instance without a sender leaves its mail to others."""
    (tmp_path / "reset_password.txt").write_text("Grüße\n\nHier: {{ link }}\n", encoding="utf-8")
    silent = start(CUSTOMERS_MAIL_SENDER="false")
    silent.call("POST", "/api/customers", ANN)
    ask(silent)
    service = start(CUSTOMERS_MAIL_TEMPLATES=str(tmp_path), CUSTOMERS_LOG_LEVEL="debug")

    wait_until(lambda: smtp.mails)

    (arrived,) = smtp.mails
    assert (arrived.recipients, arrived.message["From"], arrived.subject) == ([ANN["email"]], MAIL_FROM, "Grüße")
    assert arrived.part("plain").startswith("Hier: https://")
    change = {"token": arrived.token, "password": NEW_PASSWORD}
    assert service.call("POST", f"/api/customers/password?token={arrived.token}", change)[0] == 200
    assert service.call("GET", f"/reset?token={arrived.token}")[0] == 404
    wait_until(lambda: "mail sent" in [line["message"] for line in service.lines()])
    assert arrived.token not in service.log.read_text()


def test_a_mail_outlives_a_service_that_is_killed_and_arrives_once(start: Start, smtp: MailServer) -> None:
    service = start()
    path, header = sign_up(service, ANN["email"])
    smtp.delay = 2

    ask(service)
    kill(service)
    arrived = list(smtp.mails)
    smtp.delay = 0
    with Db(service.environment["CUSTOMERS_DATABASE_URL"]) as db:
        db.execute("UPDATE outbox_mail SET next_attempt_at = now()")
        second = start()
        wait_until(lambda: smtp.mails)
        # Another mail, which is sent behind whatever else there is to send.
        assert second.call("PATCH", path, {"password": NEW_PASSWORD}, header)[0] == 200
        wait_until(lambda: db.all("SELECT FROM outbox_mail WHERE sent_at IS NULL") == [])

    assert arrived == []
    assert [mail.subject for mail in smtp.mails] == ["Your new password", "Your password was changed"]


def test_in_development_a_mail_is_a_file_only_its_owner_can_read(
    mailing: Mailing, ann: Account, tmp_path: Path
) -> None:
    folder = tmp_path / "mail"
    mailing = mailing.other(smtp_url="", mail_directory=folder)

    mailing.ask(ann.email)
    mailing.deliver()

    (file,) = folder.glob("*.eml")
    assert f"To: {ann.email}" in file.read_text().splitlines()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, folder)] == [0o600, 0o700]
