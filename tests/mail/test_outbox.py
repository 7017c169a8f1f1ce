"""The outbox: mail arrives once, whatever the server does, and what cannot be delivered is kept, counted and shown."""

import random
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from customers.mail.sender import deliver_next
from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db
from tests.support.smtp import NEW_PASSWORD, Mailing, MailServer
from tests.support.threads import at_once

CHANGED, MOVED = "Your password was changed", "Your e-mail address was changed"


@pytest.fixture
def mailing(make_app: Callable[..., Flask], smtp: MailServer, db: Db) -> Mailing:
    return Mailing(make_app, smtp, db, smtp_timeout=0.6)


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
    assert pauses == [pytest.approx(expected, abs=4) for expected in (5, 15, 45, 600)]
    assert mailing.use(mailing.smtp.mails[0].token).status_code == 200


@pytest.mark.parametrize(
    ("refusal", "given_up"),
    [("550 5.1.1 No such user", True), ("450 4.2.1 Mailbox busy", False), ("550 5.7.1 Sender rejected", False)],
)
def test_a_mail_is_given_up_at_once_only_where_the_server_will_never_take_it(
    mailing: Mailing, ann: Account, refusal: str, given_up: bool
) -> None:
    mailing.smtp.refusals["RCPT"] = refusal
    mailing.ask(ann.email)

    assert mailing.deliver() == []
    assert (unsent(mailing)["given_up"], unsent(mailing)["attempts"]) == (given_up, 1)
    assert refusal[4:] in mailing.command("outbox")[1]
    mailing.smtp.refusals.clear()
    mailing.hurry()
    assert [mail.recipients for mail in mailing.deliver()] == ([] if given_up else [[ann.email]])


def test_a_mail_refused_for_a_day_is_given_up_shown_and_counted_and_a_retry_sends_it(
    mailing: Mailing, ann: Account
) -> None:
    """Cause: nothing counted a mail that was given up, so nobody knew that no mail of the shop arrived."""

    def counted() -> list[float]:
        outcomes = ("retried", "given_up", "sent")
        return [REGISTRY.get_sample_value("customers_mails_total", {"outcome": name}) or 0 for name in outcomes]

    def scraped() -> list[str]:
        lines = new_client(mailing.app).get("/metrics").text.splitlines()
        return [line.split()[1] for line in lines if line.startswith(("customers_outbox_mails ", "customers_outbox_g"))]

    before = counted()
    mailing.smtp.refusals["MAIL"] = "550 5.7.1 Sender rejected"
    mailing.ask(ann.email)
    mailing.deliver()
    waiting = scraped()
    mailing.hurry()
    mailing.let_pass("25 h")
    mailing.deliver()
    mailing.hurry()
    mailing.smtp.refusals.clear()

    assert (mailing.deliver(), unsent(mailing)["given_up"]) == ([], True)
    assert (sorted(waiting), sorted(scraped())) == (["0.0", "1.0"], ["0.0", "1.0"])
    assert waiting != scraped()
    _, shown = mailing.command("outbox")
    _, retried = mailing.command("outbox", "--retry")
    assert "reset_password to Ann@Example.com" in shown
    assert "given up" in shown
    assert "1 mails will be tried again." in retried
    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]
    assert mailing.command("outbox") == (0, "0 mails are unsent.\n")
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 1]


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
    parts = mailing.ctx.db, mailing.ctx.settings, mailing.ctx.mail

    first = threading.Thread(target=deliver_next, args=parts)
    first.start()
    while first.is_alive():
        deliver_next(*parts)
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


# ---------------------------------------------------------------- notices of changes


@pytest.mark.parametrize("by", ["customer", "admin"])
def test_a_change_is_told_to_the_e_mail_as_it_was(mailing: Mailing, ann: Account, admin: Account, by: str) -> None:
    caller = new_client(mailing.app)
    caller.environ_base["HTTP_X_SESSION_ID"] = (ann if by == "customer" else admin).sid
    both = {"email": "d@example.com", "password": PASSWORD}
    told = []
    for change in ({"email": ann.email}, {"password": NEW_PASSWORD}, {"email": "b@example.com"}, both):
        assert caller.patch(ann.path, json=change).status_code == 200
        told.append(sorted((mail.subject, *mail.recipients) for mail in mailing.deliver()))

    moved = [(MOVED, "b@example.com"), (CHANGED, "b@example.com")]
    assert told == [[], [(CHANGED, ann.email)], [(MOVED, ann.email)], moved]


def test_a_new_password_by_the_current_one_or_a_token_is_told_and_a_refused_change_is_not(
    mailing: Mailing, ann: Account, make_customer: Callable[..., Account]
) -> None:
    path, body = "/api/customers/me/password", {"current_password": PASSWORD, "password": NEW_PASSWORD}

    assert ann.client.patch(ann.path, json={"email": make_customer().email}).status_code == 409
    assert ann.client.post(path, json={**body, "current_password": "wrong password"}).status_code == 403
    assert mailing.deliver() == []
    assert ann.client.post(path, json=body).status_code == 200
    assert [(mail.subject, *mail.recipients) for mail in mailing.deliver()] == [(CHANGED, ann.email)]
    token = mailing.token(ann.email)
    mailing.let_pass("1 hour")
    assert mailing.use(token, PASSWORD).status_code == 200
    assert [(mail.subject, *mail.recipients) for mail in mailing.deliver()] == [(CHANGED, ann.email)]


def test_an_e_mail_is_told_of_a_change_once_an_hour_and_reset_mails_go_before_notices(
    mailing: Mailing, make_customer: Callable[..., Account], db: Db
) -> None:
    """Cause: whoever changed the own e-mail to and fro sent fifty mails to a stranger in half a second."""
    mallory = make_customer("mallory@example.com")
    mallory = Account(mailing.app, mallory.uuid, mallory.email, mallory.sid)
    for email in ("stranger@example.com", "mallory@example.com") * 3:
        assert mallory.client.patch(mallory.path, json={"email": email}).status_code == 200
    mailing.ask(mallory.email)

    first = mailing.deliver()
    mailing.let_pass("61 min")
    assert mallory.client.patch(mallory.path, json={"email": "STRANGER@example.com"}).status_code == 200
    assert mallory.client.patch(mallory.path, json={"email": "other@example.com"}).status_code == 200
    later = mailing.deliver()

    notices = [(MOVED, "mallory@example.com"), (MOVED, "stranger@example.com")]
    assert [(mail.subject, *mail.recipients) for mail in first] == [
        ("Your new password", "mallory@example.com"),
        *notices,
    ]
    assert [(mail.subject, *mail.recipients) for mail in later] == [notices[0], (MOVED, "STRANGER@example.com")]


# ---------------------------------------------------------------- how long mail is kept

SENT, GIVEN_UP = "sent_at", "failed_at"


@pytest.mark.parametrize(
    ("column", "days", "kept"),
    [(SENT, 6, True), (SENT, 8, False), (GIVEN_UP, 29, True), (GIVEN_UP, 31, False), (None, 60, True)],
)
def test_purge_deletes_mails_a_week_after_they_were_sent_and_a_month_after_they_were_given_up(
    app: Flask, db: Db, column: str | None, days: int, kept: bool
) -> None:
    """They hold e-mails, of people too whose accounts are gone."""
    ended = f", {column}" if column else ""
    db.execute(
        f"INSERT INTO outbox_mail (kind, recipient, created_at{ended})"
        f" SELECT 'password_changed', 'ann@example.com', past{', past' if column else ''}"
        "   FROM (SELECT now() - make_interval(days => %s) AS past) AS times",
        days,
    )

    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0

    assert db.one("SELECT count(*) AS mails FROM outbox_mail") == {"mails": int(kept)}
