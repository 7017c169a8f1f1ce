"""The outbox: mail arrives once, whatever the server does, and what cannot be delivered is kept and shown."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from customers.outbox.service import deliver_next
from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db
from tests.support.smtp import NEW_PASSWORD, Mailing, MailServer
from tests.test_races import at_once

CHANGED, MOVED = "Your password was changed", "Your e-mail address was changed"


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def mailing(make_app: Callable[..., Flask], smtp: MailServer, db: Db) -> Mailing:
    return Mailing(make_app, smtp, db, smtp_timeout=0.6)


@pytest.fixture
def ann(mailing: Mailing, make_customer: Callable[..., Account]) -> Account:
    """Return a customer, signed in to the application that sends mail."""
    made = make_customer("Ann@Example.com")
    return Account(mailing.app, made.uuid, made.email, made.sid)


def unsent(mailing: Mailing) -> dict[str, object]:
    """Return the one mail that waits or was given up; ``pause`` in seconds."""
    return mailing.db.one(
        "SELECT attempts, last_error, failed_at IS NOT NULL AS given_up,"
        " CAST(extract(epoch FROM next_attempt_at - now()) AS float) AS pause FROM outbox_mail WHERE sent_at IS NULL"
    )


def test_a_server_down_for_four_attempts_gets_the_mail_once_after_growing_pauses_of_at_most_ten_minutes(
    mailing: Mailing, ann: Account, db: Db
) -> None:
    mailing.smtp.stop()
    assert mailing.ask(ann.email).status_code == 200
    pauses = []
    for attempts in (0, 1, 2, 20):
        db.execute("UPDATE outbox_mail SET next_attempt_at = now(), attempts = %s", attempts)
        assert mailing.deliver() == []
        pauses.append(unsent(mailing)["pause"])

    mailing.smtp.start()
    mailing.hurry()

    assert [mail.recipients for mail in mailing.deliver() + mailing.deliver()] == [[ann.email]]
    assert pauses == [pytest.approx(expected, abs=2) for expected in (5, 15, 45, 600)]
    assert mailing.use(mailing.smtp.mails[0].token).status_code == 200


def test_after_a_day_a_mail_is_given_up_and_shown_and_retry_sends_it(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.stop()
    mailing.ask(ann.email)
    mailing.deliver()
    mailing.hurry()
    mailing.let_pass("25 h")
    mailing.deliver()
    mailing.hurry()
    mailing.smtp.start()

    assert (mailing.deliver(), unsent(mailing)["given_up"]) == ([], True)
    shown, retried = mailing.command("outbox")[1], mailing.command("outbox", "--retry")[1]

    assert "reset_password to Ann@Example.com" in shown
    assert "given up" in shown
    assert "1 mails will be tried again." in retried
    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]
    assert mailing.command("outbox") == (0, "0 mails are unsent.\n")


def test_a_refused_recipient_is_given_up_at_once_and_shown(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.refusals[ann.email] = "550 5.1.1 No such user"
    mailing.ask(ann.email)

    assert mailing.deliver() == []
    assert (unsent(mailing)["given_up"], unsent(mailing)["attempts"]) == (True, 1)
    assert "No such user" in mailing.command("outbox")[1]


def test_a_recipient_refused_for_now_gets_the_mail_after_a_pause(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.refusals[ann.email] = "450 4.2.1 Mailbox busy"
    mailing.ask(ann.email)

    assert mailing.deliver() == []
    assert unsent(mailing)["given_up"] is False
    assert "Mailbox busy" in mailing.command("outbox")[1]
    mailing.smtp.refusals.clear()
    assert mailing.deliver() == []
    mailing.hurry()
    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]


def test_a_slow_server_is_a_failed_attempt(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.delay = 1.2
    mailing.ask(ann.email)

    assert mailing.deliver() == []
    assert (unsent(mailing)["given_up"], unsent(mailing)["attempts"]) == (False, 1)
    mailing.smtp.delay = 0
    mailing.hurry()
    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]


def test_a_server_that_keeps_a_connection_alive_for_longer_than_the_lease_gets_no_mail_twice(
    mailing: Mailing, ann: Account
) -> None:
    """Each line comes within the timeout, and all of them take longer than the claim on the mail lasts."""
    mailing.smtp.delay, mailing.smtp.greeting_lines = 0.3, 18
    mailing.ask(ann.email)

    first = threading.Thread(target=deliver_next, args=(mailing.ctx,))
    first.start()
    while first.is_alive():
        deliver_next(mailing.ctx)
        first.join(0.05)

    assert len(mailing.smtp.mails) <= 1


def test_a_server_that_dies_in_the_middle_gets_the_mail_again_and_takes_it_once(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.deaths = 2
    mailing.ask(ann.email)
    for _ in range(2):
        assert mailing.deliver() == []
        assert unsent(mailing)["given_up"] is False
        mailing.hurry()

    assert [mail.recipients for mail in mailing.deliver() + mailing.deliver()] == [[ann.email]]


@pytest.mark.parametrize("farewell", ["421 4.3.2 Shutting down", "250 OK", "500 What?"])
def test_a_mail_that_was_taken_is_not_sent_again_whatever_the_server_says_to_quit(
    mailing: Mailing, ann: Account, farewell: str
) -> None:
    mailing.smtp.farewell = farewell
    mailing.ask(ann.email)

    mailing.deliver()
    mailing.hurry()
    mailing.deliver()

    assert mailing.smtp.recipients == [ann.email]


@pytest.mark.parametrize(("credentials", "sent"), [("user:secret", True), ("user:wr%6Fng", False), ("", False)])
def test_a_server_that_demands_credentials_gets_those_of_the_setting(
    make_app: Callable[..., Flask], db: Db, ann: Account, caplog: pytest.LogCaptureFixture, credentials: str, sent: bool
) -> None:
    with MailServer(auth=True) as smtp:
        url = smtp.url.replace("//", f"//{credentials}@" if credentials else "//")
        mailing = Mailing(make_app, smtp, db, smtp_url=url)
        mailing.ask(ann.email)
        assert len(mailing.deliver()) == sent

    own = [record.getMessage() for record in caplog.records if record.name != "mail.log"]
    assert "wrong" not in mailing.command("outbox")[1] + "".join(own)
    assert bool(own) is not sent


@pytest.mark.parametrize(
    "address", ["a..b@example.com", ".a@example.com", '"a b"@example.com', '"a,b"@example.com', "o'x+y@b.example.com"]
)
def test_a_mail_goes_to_just_the_address_that_an_account_can_have(mailing: Mailing, address: str) -> None:
    body = {"email": address, "password": PASSWORD, "full_name": "Odd"}
    if new_client(mailing.app).post("/api/customers", json=body).status_code == 400:
        return

    mailing.ask(address)
    mailing.deliver()

    assert mailing.smtp.recipients == [address]


def test_a_template_that_cannot_be_filled_is_a_failed_attempt_and_stops_no_other_mail(
    make_app: Callable[..., Flask], smtp: MailServer, db: Db, ann: Account, tmp_path: Path
) -> None:
    """A shop's own template with a fault: `flask send-mail` ended with it, and `flask outbox` said nothing of it."""
    (tmp_path / "reset_password.html").write_text("{{ unknown }}")
    mailing = Mailing(make_app, smtp, db, mail_templates=tmp_path)
    mailing.ask(ann.email)
    new_client(mailing.app).patch(ann.path, json={"password": NEW_PASSWORD}, headers=ann.headers)

    status, _ = mailing.command("send-mail")

    assert (status, [mail.subject for mail in smtp.mails]) == (0, [CHANGED])
    assert "unknown" in str(unsent(mailing)["last_error"])


def test_two_senders_of_eight_threads_send_no_mail_twice(
    make_app: Callable[..., Flask], smtp: MailServer, mailing: Mailing, db: Db
) -> None:
    db.execute(
        "INSERT INTO customer (email, password, full_name)"
        " SELECT 'c' || n || '@example.com', '', 'C' FROM generate_series(1, 40) n"
    )
    for number in random.sample(range(1, 41), 40):
        assert mailing.ask(f"c{number}@example.com").status_code == 200
    senders = [Mailing(make_app, smtp, db) for _ in range(2)]

    at_once(16, lambda number: senders[number % 2].deliver())

    assert Counter(smtp.recipients) == {f"c{number}@example.com": 1 for number in range(1, 41)}
    assert db.one("SELECT count(*) FROM outbox_mail WHERE sent_at IS NOT NULL AND attempts = 1") == {"count": 40}


@pytest.mark.parametrize("by", ["customer", "admin"])
def test_a_change_is_told_to_the_address_as_it_was(mailing: Mailing, ann: Account, admin: Account, by: str) -> None:
    caller = new_client(mailing.app)
    caller.environ_base["HTTP_X_SESSION_ID"] = (ann if by == "customer" else admin).sid
    both = {"email": "d@e.fg", "password": PASSWORD}
    told = []
    for change in ({"email": ann.email}, {"password": NEW_PASSWORD}, {"email": "b@c.de"}, both):
        assert caller.patch(ann.path, json=change).status_code == 200
        told.append(sorted((mail.subject, *mail.recipients) for mail in mailing.deliver()))

    assert told == [[], [(CHANGED, ann.email)], [(MOVED, ann.email)], [(MOVED, "b@c.de"), (CHANGED, "b@c.de")]]


def test_a_new_password_by_the_current_one_or_a_token_is_told_and_a_refused_change_is_not(
    mailing: Mailing, ann: Account, make_customer: Callable[..., Account]
) -> None:
    path, body = "/api/customers/me/password", {"current_password": PASSWORD, "password": NEW_PASSWORD}

    assert ann.client.patch(ann.path, json={"email": make_customer().email}).status_code == 409
    assert ann.client.post(path, json={**body, "current_password": "wrong password"}).status_code == 403
    assert mailing.deliver() == []
    assert ann.client.post(path, json=body).status_code == 200
    assert [(mail.subject, *mail.recipients) for mail in mailing.deliver()] == [(CHANGED, ann.email)]
    assert mailing.use(mailing.token(ann.email), PASSWORD).status_code == 200
    assert [(mail.subject, *mail.recipients) for mail in mailing.deliver()] == [(CHANGED, ann.email)]
