"""The outbox: mail arrives once, whatever the server does, and what cannot be delivered is kept, counted and shown."""

import threading
from collections import Counter

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from customers.mail.sender import deliver_next
from tests.conftest import PASSWORD, Account, log_in
from tests.support.answers import data_of, done, refused
from tests.support.builders import ME, NEW_PASSWORD, registered
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.rows import add
from tests.support.service import wait_until
from tests.support.smtp import Mailing
from tests.support.threads import at_once

CHANGED, MOVED = "Your password was changed", "Your e-mail address was changed"


def unsent(mailing: Mailing) -> dict[str, object]:
    """Return the one mail that waits or was given up; ``pause`` in seconds."""
    return mailing.db.one(
        "SELECT attempts, failed_at IS NOT NULL AS given_up,"
        " CAST(extract(epoch FROM next_attempt_at - now()) AS float) AS pause FROM outbox_mail WHERE sent_at IS NULL"
    )


def test_a_server_that_was_down_gets_the_mail_once_after_growing_pauses(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.stop()
    done(mailing.ask(ann.email))
    pauses = []
    for attempts in (0, 1, 2, 20):
        mailing.db.execute("UPDATE outbox_mail SET next_attempt_at = now(), attempts = %s", attempts)
        assert mailing.deliver() == []
        pauses.append(unsent(mailing)["pause"])

    mailing.smtp.start()
    mailing.hurry()

    assert [mail.recipients for mail in mailing.deliver() + mailing.deliver()] == [[ann.email]]
    assert pauses == [pytest.approx(expected, abs=4) for expected in (5, 15, 45, 600)]
    done(mailing.use(mailing.smtp.mails[0].token))


def counted() -> Counter[str]:
    outcomes = ("retried", "given_up", "sent")
    found = {name: REGISTRY.get_sample_value("customers_mails_total", {"outcome": name}) for name in outcomes}
    return Counter({name: int(value or 0) for name, value in found.items()})


@pytest.mark.parametrize("after", ["a day", "one attempt"])
def test_a_mail_given_up_is_shown_and_counted_and_sent_by_a_retry(mailing: Mailing, ann: Account, after: str) -> None:
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
    shown = mailing.outbox()
    assert "reset_password to Ann@Example.com" in shown
    assert "given up" in shown
    assert "1 mails will be tried again." in mailing.outbox("--retry")
    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]
    assert mailing.outbox() == "0 mails are unsent.\n"
    assert counted() - before == {"given_up": 1, "sent": 1, **({"retried": 1} if after == "a day" else {})}


@pytest.mark.parametrize(("delay", "lines"), [(0.1, 0), (0.15, 18)], ids=["at each step", "in its greeting"])
def test_a_slow_server_gets_no_mail_twice(mailing: Mailing, ann: Account, delay: float, lines: int) -> None:
    """Cause: a second sender sent it again, where the lines of a greeting took longer than the claim on the mail."""
    slow = mailing.other(smtp_timeout=0.3)
    slow.smtp.delay, slow.smtp.greeting_lines = delay, lines
    slow.ask(ann.email)
    parts = slow.ctx.db, slow.ctx.settings, slow.ctx.mail

    first = threading.Thread(target=deliver_next, args=parts)
    first.start()
    wait_until(lambda: unsent(slow)["attempts"])
    while first.is_alive():
        deliver_next(*parts)
        first.join(0.05)

    assert len(slow.smtp.mails) <= 1


def test_two_senders_of_eight_threads_send_no_mail_twice_whatever_the_server_says_to_quit(mailing: Mailing) -> None:
    mailing.smtp.refusals["QUIT"] = "421 4.3.2 Shutting down"
    emails = [f"c{number}@example.com" for number in range(20)]
    senders = [mailing, mailing.other()]
    for email in emails:
        add(mailing.db, email=email)
        done(mailing.ask(email))

    at_once(16, lambda number: senders[number % 2].deliver())

    assert sorted(mailing.smtp.recipients) == sorted(emails)
    assert len(mailing.db.all("SELECT FROM outbox_mail WHERE sent_at IS NOT NULL AND attempts = 1")) == 20


def told(mailing: Mailing) -> list[tuple[str, ...]]:
    """Deliver what waits; return subjects and recipients."""
    return sorted((mail.subject, *mail.recipients) for mail in mailing.deliver())


def test_a_change_is_told_to_the_e_mail_as_it_was_and_a_refused_one_is_not(
    mailing: Mailing, client: CheckingClient, ann: Account, admin: Account
) -> None:
    taken = {"email": registered(client, email="taken@example.com")["email"]}
    change = {"current_password": PASSWORD, "password": NEW_PASSWORD}
    token = mailing.token(ann.email)

    refused(ann.client.patch(ME, json=taken), 409, "email_taken")
    refused(ann.client.post(f"{ME}/password", json={**change, "current_password": "wrong"}), 403, "wrong_password")
    data_of(admin.client.patch(ann.path, json={"email": ann.email}))
    assert told(mailing) == []
    done(ann.client.post(f"{ME}/password", json=change))
    assert told(mailing) == [(CHANGED, ann.email)]
    mailing.let_pass("1 hour")
    refused(mailing.use(token), 400, "invalid_token")
    done(mailing.use(mailing.token(ann.email)))
    assert told(mailing) == [(CHANGED, ann.email)]
    data_of(admin.client.patch(ann.path, json={"email": "b@example.com"}))
    assert told(mailing) == [(MOVED, ann.email)]
    log_in(client, "b@example.com", NEW_PASSWORD)
    data_of(client.patch(ME, json={"email": "d@example.com", "password": PASSWORD}))
    assert told(mailing) == [(MOVED, "b@example.com"), (CHANGED, "b@example.com")]


def test_an_e_mail_is_told_once_an_hour_and_reset_mails_go_before_notices(mailing: Mailing, ann: Account) -> None:
    """Cause: whoever changed the own e-mail to and fro sent fifty mails to a stranger in half a second."""

    def move(*emails: str) -> list[tuple[str, ...]]:
        for email in emails:
            data_of(ann.client.patch(ann.path, json={"email": email}))
        mailing.ask(ann.email)
        return [(mail.subject, *mail.recipients) for mail in mailing.deliver()]

    reset = ("Your new password", ann.email)
    notices = [(MOVED, ann.email), (MOVED, "stranger@example.com")]
    assert move("stranger@example.com", ann.email, *["Stranger@example.com", ann.email] * 2) == [reset, *notices]

    mailing.let_pass("61 min")
    moved = move("STRANGER@example.com", "other@example.com")
    assert moved == [notices[0], (MOVED, "STRANGER@example.com")]


def test_purge_deletes_mails_after_a_week_and_those_given_up_after_a_month(app: Flask, db: Db) -> None:
    """They hold e-mails, of people too whose accounts are gone."""
    for days, ended in ((6, "sent_at"), (8, "sent_at"), (29, "failed_at"), (31, "failed_at"), (60, "next_attempt_at")):
        db.execute(
            f"INSERT INTO outbox_mail (kind, recipient, created_at, {ended}) SELECT 'password_changed', %s, past, past"
            "   FROM (SELECT now() - make_interval(days => %s) AS past) AS times",
            *(f"{days}@example.com", days),
        )

    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0

    kept = {row["recipient"] for row in db.all("SELECT recipient FROM outbox_mail")}
    assert kept == {"29@example.com", "60@example.com", "6@example.com"}
