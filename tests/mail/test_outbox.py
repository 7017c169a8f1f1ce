"""The outbox: mail arrives once, whatever the server does, and what cannot be delivered is kept, counted and shown."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from customers.mail.sender import deliver_next
from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.answers import data_of, done, refused
from tests.support.builders import NEW_PASSWORD, registered
from tests.support.database import Db
from tests.support.rows import add
from tests.support.service import wait_until
from tests.support.smtp import Mailing, MailServer
from tests.support.threads import at_once

Make = Callable[..., Flask]
CHANGED, MOVED = "Your password was changed", "Your e-mail address was changed"


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


def counted() -> Counter[str]:
    """Return how many mails the metrics have, by what became of them."""
    outcomes = ("retried", "given_up", "sent")
    found = {name: REGISTRY.get_sample_value("customers_mails_total", {"outcome": name}) for name in outcomes}
    return Counter({name: int(value or 0) for name, value in found.items()})


@pytest.mark.parametrize("after", ["a day", "one attempt"])
def test_a_mail_that_cannot_be_delivered_is_given_up_shown_and_counted_and_a_retry_sends_it(
    mailing: Mailing, ann: Account, after: str
) -> None:
    """Cause: nothing counted a mail that was given up, so nobody knew that no mail of the shop arrived."""
    before = counted()
    mailing.smtp.refusals["RCPT"] = "550 5.7.1 Sender rejected" if after == "a day" else "550 5.1.1 No such user"
    mailing.ask(ann.email)
    mailing.deliver()
    if after == "a day":
        mailing.let_pass("25 h")
        mailing.hurry()
        mailing.deliver()
    mailing.smtp.refusals.clear()
    mailing.hurry()

    assert (mailing.deliver(), unsent(mailing)["given_up"]) == ([], True)
    shown, retried = (mailing.command("outbox", *options)[1] for options in ((), ("--retry",)))
    assert "reset_password to Ann@Example.com" in shown
    assert "given up" in shown
    assert "1 mails will be tried again." in retried
    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]
    assert mailing.command("outbox") == (0, "0 mails are unsent.\n")
    assert counted() - before == {"given_up": 1, "sent": 1, **({"retried": 1} if after == "a day" else {})}


@pytest.mark.parametrize(("delay", "lines"), [(0.1, 0), (0.15, 18)], ids=["at each step", "in its greeting"])
def test_a_server_that_is_slow_in_every_line_gets_no_mail_twice(
    make_app: Make, smtp: MailServer, ann: Account, db: Db, delay: float, lines: int
) -> None:
    """Each line comes within the timeout; those of the greeting take longer than the claim on the mail lasts.

    Cause: the second sender sent it again. The test did not see that, as the first had not begun when the second did.
    """
    mailing = Mailing(make_app, smtp, db, smtp_timeout=0.3)
    smtp.delay, smtp.greeting_lines = delay, lines
    mailing.ask(ann.email)
    parts = mailing.ctx.db, mailing.ctx.settings, mailing.ctx.mail

    first = threading.Thread(target=deliver_next, args=parts)
    first.start()
    wait_until(lambda: unsent(mailing)["attempts"])
    while first.is_alive():
        deliver_next(*parts)
        first.join(0.05)

    assert len(smtp.mails) <= 1


def test_two_senders_of_eight_threads_send_no_mail_twice_whatever_the_server_says_to_quit(
    make_app: Make, smtp: MailServer, db: Db
) -> None:
    smtp.farewell = "421 4.3.2 Shutting down"
    emails = [f"c{number}@example.com" for number in range(20)]
    senders = [Mailing(make_app, smtp, db) for _ in range(2)]
    for email in emails:
        add(db, email=email)
        assert senders[0].ask(email).status_code == 200

    at_once(16, lambda number: senders[number % 2].deliver())

    assert sorted(smtp.recipients) == sorted(emails)
    assert len(db.all("SELECT FROM outbox_mail WHERE sent_at IS NOT NULL AND attempts = 1")) == 20


# ---------------------------------------------------------------- notices of changes


def told(mailing: Mailing) -> list[tuple[str, ...]]:
    """Deliver what waits; return subjects and recipients."""
    return [(mail.subject, *mail.recipients) for mail in mailing.deliver()]


def test_a_change_is_told_to_the_e_mail_as_it_was_and_a_refused_one_is_not(
    mailing: Mailing, ann: Account, admin: Account
) -> None:
    taken = {"email": registered(new_client(mailing.app), email="taken@example.com")["email"]}
    both = {"email": "d@example.com", "password": PASSWORD}
    changes = ({"email": ann.email}, {"password": NEW_PASSWORD}, {"email": "b@example.com"}, both)
    refused(ann.client.patch(ann.path, json=taken), 409, "email_taken")

    found = []
    for account, change in zip((admin, ann, admin, ann), changes, strict=True):
        data_of(new_client(mailing.app).patch(ann.path, json=change, headers=account.headers))
        found.append(sorted(told(mailing)))

    moved = [(MOVED, "b@example.com"), (CHANGED, "b@example.com")]
    assert found == [[], [(CHANGED, ann.email)], [(MOVED, ann.email)], sorted(moved)]


def test_a_new_password_by_the_current_one_or_a_token_is_told(mailing: Mailing, ann: Account) -> None:
    path, body = "/api/customers/me/password", {"current_password": PASSWORD, "password": NEW_PASSWORD}
    token = mailing.token(ann.email)

    refused(ann.client.post(path, json={**body, "current_password": "wrong password"}), 403, "wrong_password")
    assert told(mailing) == []
    done(mailing.use(token, PASSWORD))
    assert told(mailing) == [(CHANGED, ann.email)]
    mailing.let_pass("1 hour")
    sid = log_in(new_client(mailing.app), ann.email)
    done(ann.client.post(path, json=body, headers={"X-Session-ID": sid}))
    assert told(mailing) == [(CHANGED, ann.email)]


def test_an_e_mail_is_told_of_a_change_once_an_hour_and_reset_mails_go_before_notices(
    mailing: Mailing, ann: Account
) -> None:
    """Cause: whoever changed the own e-mail to and fro sent fifty mails to a stranger in half a second."""

    def move(*emails: str) -> None:
        for email in emails:
            data_of(ann.client.patch(ann.path, json={"email": email}))

    notices = [(MOVED, ann.email), (MOVED, "stranger@example.com")]
    move(*["stranger@example.com", ann.email] * 3)
    mailing.ask(ann.email)
    assert told(mailing) == [("Your new password", ann.email), *notices]

    mailing.let_pass("61 min")
    move("STRANGER@example.com", "other@example.com")
    assert told(mailing) == [notices[0], (MOVED, "STRANGER@example.com")]


def test_purge_deletes_mails_a_week_after_they_were_sent_and_a_month_after_they_were_given_up(
    app: Flask, db: Db
) -> None:
    """They hold e-mails, of people too whose accounts are gone."""
    for sent, given_up in ((6, None), (8, None), (None, 29), (None, 31), (None, None)):
        days = sent or given_up or 60
        db.execute(
            "INSERT INTO outbox_mail (kind, recipient, created_at, sent_at, failed_at)"
            " SELECT 'password_changed', %s, past, CASE WHEN %s THEN past END, CASE WHEN %s THEN past END"
            "   FROM (SELECT now() - make_interval(days => %s) AS past) AS times",
            *(f"{days}@example.com", bool(sent), bool(given_up), days),
        )

    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0

    kept = [row["recipient"] for row in db.all("SELECT recipient FROM outbox_mail")]
    assert sorted(kept) == ["29@example.com", "60@example.com", "6@example.com"]
