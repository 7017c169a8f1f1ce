"""Forgotten passwords, through HTTP, with mails that a real SMTP server took."""

import base64
import hashlib
import json
import logging
import secrets

import pytest

from tests.conftest import PASSWORD, Account, MakeApp, MakeCustomer, log_in, new_client
from tests.support.answers import data_of, done, invalid, refused
from tests.support.builders import NEW_PASSWORD, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.smtp import MAIL_FROM, RESET_URL, Mailing
from tests.support.threads import at_once, overtaken


def test_the_answer_is_the_same_whoever_asks_and_mail_goes_to_an_active_or_pending_account_as_stored(
    mailing: Mailing, ann: Account, admin: Account, make_customer: MakeCustomer, client: CheckingClient
) -> None:
    """Its link is the setting's, whatever host the request names."""
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "http://localhost"}
    off = make_customer("off@example.com")
    data_of(admin.client.patch(off.path, json={"status": 0}))
    registered(client, email="Pending@Example.com", status=0)

    for email in ("ann@eXample.com", off.email, "nobody@example.com", "pending@example.com"):
        done(mailing.ask(email, **evil))
    mails = mailing.deliver()

    assert [mail.recipients for mail in mails] == [["Ann@Example.com"], ["Pending@Example.com"]]
    headers = mails[0].message
    assert (headers["To"], headers["From"], mails[0].subject) == (ann.email, MAIL_FROM, "Your new password")
    assert RESET_URL.replace("{token}", mails[0].token) in mails[0].part("plain").split()
    assert "evil" not in headers.as_string()
    assert mailing.db.all("SELECT FROM outbox_mail WHERE sent_at IS NULL") == []


def test_an_account_gets_one_mail_a_minute_and_five_a_day(mailing: Mailing, ann: Account) -> None:
    counts = []
    for _ in range(7):
        mailing.ask(ann.email)
        mailing.ask(ann.email.upper())
        counts.append(len(mailing.deliver()))
        mailing.let_pass("61 s")
    mailing.let_pass("1 day")
    mailing.ask(ann.email)

    assert counts == [1] * 5 + [0, 0]
    assert len(mailing.deliver()) == 1


def test_requests_that_waited_while_nothing_could_be_sent_become_one_mail(mailing: Mailing, ann: Account) -> None:
    """The limit is on mails, not on requests: those of the last minutes must not all arrive in one second."""
    for _ in range(3):
        mailing.ask(ann.email)
        mailing.let_pass("2 min")

    at_once(3, lambda _: mailing.deliver())

    assert mailing.smtp.recipients == [ann.email]


def test_of_two_senders_the_second_sees_what_the_first_is_about_to_send(
    mailing: Mailing, ann: Account, database: str
) -> None:
    mailing.ask(ann.email)
    first = (
        "SELECT FROM customer FOR NO KEY UPDATE;"
        " INSERT INTO outbox_mail (kind, recipient, customer_id, next_attempt_at)"
        " SELECT 'reset_password', email, customer_id, now() + interval '1 min' FROM customer"
    )

    assert overtaken(database, mailing.db, first, mailing.deliver) == []


def test_a_mail_that_was_given_up_stands_in_no_other_ones_way(mailing: Mailing, ann: Account) -> None:
    mailing.smtp.refusals["RCPT"] = "550 5.1.1 No such user"
    mailing.ask(ann.email)
    assert mailing.deliver() == []
    mailing.smtp.refusals.clear()

    mailing.ask(ann.email)

    assert [mail.recipients for mail in mailing.deliver()] == [[ann.email]]


def test_a_secret_has_256_bits_and_only_its_digest_is_kept(
    mailing: Mailing, ann: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    tokens = [mailing.token(ann.email) for _ in range(2)]
    stored = {row["token"] for row in mailing.db.all("SELECT token FROM reset_password_token")}
    done(mailing.use(tokens[0]))

    digests = {hashlib.sha256(token.encode()).hexdigest() for token in tokens}
    assert [len(base64.urlsafe_b64decode(token + "=")) for token in tokens] == [32, 32]
    assert (stored, len(digests)) == (digests, 2)
    own = [repr(vars(record)) for record in caplog.records if record.name != "mail.log"]  # which is aiosmtpd's
    assert own
    kept = "".join([*own, json.dumps(mailing.db.all("SELECT * FROM outbox_mail"), default=str)])
    assert not any(secret in kept for secret in (*tokens, *digests))


def test_a_token_works_once_ends_every_session_of_the_customer_alone_and_makes_the_other_tokens_useless(
    mailing: Mailing, client: CheckingClient, ann: Account, customer: Account
) -> None:
    other = log_in(client, ann.email)
    first, second = (mailing.token(ann.email) for _ in range(2))
    bystander = mailing.token(customer.email)

    done(mailing.use(first))

    for token in (first, second):
        refused(mailing.use(token, "another long one"), 400, "invalid_token")
    for sid in (ann.sid, other):
        refused(ann.client.get(ann.path, headers={"X-Session-ID": sid}), 401, "not_authenticated")
    data_of(customer.client.get(customer.path))
    done(mailing.use(bystander))
    login = {"email": ann.email, "password": PASSWORD}
    refused(client.post("/customer/login", json=login), 401, "invalid_credentials")
    log_in(client, ann.email, NEW_PASSWORD)


def test_a_token_lives_as_long_as_the_setting_says(mailing: Mailing, ann: Account) -> None:
    mailing = mailing.other(reset_lifetime=600)
    tokens = [mailing.token(ann.email)]
    assert "within 10 minutes" in mailing.smtp.mails[-1].part("plain")
    age = "UPDATE reset_password_token SET created_at = created_at - make_interval(secs => %s)"
    mailing.db.execute(age, 601)
    tokens.append(mailing.token(ann.email))
    mailing.db.execute(age, 540)

    refused(mailing.use(tokens[0]), 400, "invalid_token")
    done(mailing.use(tokens[1]))


def test_a_token_that_evershop_made_works_and_nothing_like_it_does(mailing: Mailing, ann: Account) -> None:
    token = reset_token(mailing.db, ann, secrets.token_hex(64))

    for wrong in ("x" * 43, hashlib.sha256(token.encode()).hexdigest(), "%", "\u00e4"):
        refused(mailing.use(wrong), 400, "invalid_token")
    invalid(mailing.use(token, "password1"), "password")
    done(mailing.use(token))


def test_without_a_server_asking_is_503_and_nobody_is_told(make_app: MakeApp, mailing: Mailing, ann: Account) -> None:
    client = new_client(make_app())

    asked = client.post("/api/customers/reset-password", json={"email": ann.email})

    refused(asked, 503, "mail_unavailable")
    data_of(client.patch(ann.path, json={"email": "new@example.com"}, headers=ann.headers))
    assert mailing.deliver() == []
