"""Forgotten passwords (CONTRACT section 8), through HTTP, with mails that a real SMTP server took."""

import base64
import hashlib
import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, log_in, new_client
from tests.support.builders import reset_token
from tests.support.database import Db
from tests.support.smtp import MAIL_FROM, NEW_PASSWORD, Mailing, MailServer
from tests.support.threads import at_once


def code(response: Any) -> tuple[int, str | None]:
    return response.status_code, (response.get_json().get("error") or {}).get("code")


INVALID = (400, "invalid_token")


def test_the_answer_is_the_same_whoever_asks_and_mail_goes_to_an_active_or_pending_account_as_stored(
    mailing: Mailing, ann: Account, admin: Account, make_customer: Callable[..., Account]
) -> None:
    off = make_customer("off@example.com")
    assert admin.client.patch(off.path, json={"status": 0}).status_code == 200
    body = {"email": "Pending@Example.com", "password": PASSWORD, "full_name": "Ann", "status": 0}
    assert new_client(mailing.app).post("/api/customers", json=body).status_code == 201
    asked = ("ann@eXample.com", off.email, "nobody@example.com", "pending@example.com")

    answers = [mailing.ask(email) for email in asked]
    mails = mailing.deliver()

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(200, {"data": {}})] * 4
    assert [mail.recipients for mail in mails] == [["Ann@Example.com"], ["Pending@Example.com"]]
    headers = mails[0].message
    assert (headers["To"], headers["From"], mails[0].subject) == (ann.email, MAIL_FROM, "Your new password")
    assert mailing.db.all("SELECT FROM outbox_mail WHERE sent_at IS NULL") == []
    assert mailing.use(mails[1].token).status_code == 200
    assert log_in(new_client(mailing.app), "pending@example.com", NEW_PASSWORD)


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


@pytest.mark.parametrize("senders", [1, 3])
def test_requests_that_waited_while_nothing_could_be_sent_become_one_mail(
    mailing: Mailing, ann: Account, senders: int
) -> None:
    """The limit is on mails, not on requests: those of the last minutes must not all arrive in one second."""
    for _ in range(3):
        mailing.ask(ann.email)
        mailing.let_pass("2 min")

    at_once(senders, lambda _: mailing.deliver())

    assert mailing.smtp.recipients == [ann.email]


def test_the_link_is_the_settings_whatever_host_the_request_names(mailing: Mailing, ann: Account) -> None:
    mailing.ask(ann.email, Host="evil.example", **{"X-Forwarded-Host": "evil.example", "Origin": "http://localhost"})

    (mail,) = mailing.deliver()

    assert "https://shop.example/reset?token=" + mail.token in mail.part("plain").split()
    assert "evil" not in mail.message.as_string()


def test_a_secret_has_256_bits_and_only_its_digest_is_kept(
    mailing: Mailing, ann: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    tokens = [mailing.token(ann.email) for _ in range(2)]
    used = mailing.use(tokens[0])

    assert used.status_code == 200
    assert [len(base64.urlsafe_b64decode(token + "=")) for token in tokens] == [32, 32]
    assert tokens[0] != tokens[1]
    own = [repr(vars(record)) for record in caplog.records if record.name != "mail.log"]  # which is aiosmtpd's
    assert own
    kept = "".join([*own, json.dumps(mailing.db.all("SELECT * FROM outbox_mail"), default=str)])
    assert not any(token in kept or hashlib.sha256(token.encode()).hexdigest() in kept for token in tokens)
    mailing.deliver()
    token = mailing.token(ann.email)
    assert mailing.db.one("SELECT token FROM reset_password_token") == {
        "token": hashlib.sha256(token.encode()).hexdigest()
    }


def test_a_token_works_once_and_ends_every_session_of_the_customer_alone(
    mailing: Mailing, ann: Account, customer: Account
) -> None:
    other = log_in(new_client(mailing.app), ann.email)
    token = mailing.token(ann.email)

    answers = [mailing.use(token), mailing.use(token, "another long one")]

    assert (answers[0].status_code, answers[0].get_json()) == (200, {"data": {}})
    assert code(answers[1]) == INVALID
    reads = [ann.client.get(ann.path, headers={"X-Session-ID": sid}).status_code for sid in (ann.sid, other)]
    assert (reads, customer.client.get(customer.path).status_code) == ([401, 401], 200)
    login = {"email": ann.email, "password": PASSWORD}
    assert new_client(mailing.app).post("/customer/login", json=login).status_code == 401
    log_in(new_client(mailing.app), ann.email, NEW_PASSWORD)


@pytest.mark.parametrize(("lifetime", "minutes"), [(3600, 60), (600, 10)])
def test_a_token_lives_as_long_as_the_setting_says(
    make_app: Callable[..., Flask], smtp: MailServer, db: Db, ann: Account, lifetime: int, minutes: int
) -> None:
    mailing = Mailing(make_app, smtp, db, **({} if lifetime == 3600 else {"reset_lifetime": lifetime}))
    tokens = [mailing.token(ann.email)]
    assert f"within {minutes} minutes" in smtp.mails[-1].part("plain")
    db.execute("UPDATE reset_password_token SET created_at = now() - make_interval(secs => %s)", lifetime + 1)
    tokens.append(mailing.token(ann.email))
    db.execute("UPDATE reset_password_token SET created_at = created_at - make_interval(secs => %s)", lifetime - 30)

    assert [code(mailing.use(token)) for token in tokens] == [INVALID, (200, None)]


Acts = dict[str, Callable[[Mailing, Account, Account], Any]]
NEW = {"password": NEW_PASSWORD}


def changed_and_back(account: Account, path: str, change: dict[str, Any], back: dict[str, Any]) -> Any:
    assert account.client.patch(path, json=change).status_code == 200
    return account.client.patch(path, json=back)


MOVED, BACK = {"email": "other@example.com"}, {"email": "Ann@Example.com"}
ACTS: Acts = {
    "the password, by PATCH": lambda _, ann, __: ann.client.patch(ann.path, json=NEW),
    "the password, by an admin": lambda _, ann, admin: admin.client.patch(ann.path, json=NEW),
    "the password, by the current one": lambda _, ann, __: ann.client.post(
        "/api/customers/me/password", json={**NEW, "current_password": PASSWORD}
    ),
    "the e-mail and back": lambda _, ann, __: changed_and_back(ann, ann.path, MOVED, BACK),
    "the e-mail and back, by an admin": lambda _, ann, admin: changed_and_back(admin, ann.path, MOVED, BACK),
    "disabled and enabled": lambda _, ann, admin: changed_and_back(admin, ann.path, {"status": 0}, {"status": 1}),
    "all sessions ended by an admin": lambda _, ann, admin: admin.client.delete(f"{ann.path}/sessions"),
    "deleted": lambda _, ann, __: ann.client.delete(ann.path),
}


@pytest.mark.parametrize("act", ACTS)
def test_whatever_changes_who_owns_an_account_makes_its_secrets_useless_for_good(
    mailing: Mailing, ann: Account, admin: Account, customer: Account, act: str
) -> None:
    """Cause: a link mailed to a former e-mail still set a password after the e-mail was changed back."""
    tokens = [mailing.token(ann.email) for _ in range(2)]
    bystander = mailing.token(customer.email)

    assert ACTS[act](mailing, ann, admin).status_code == 200

    assert [code(mailing.use(token, "another long one")) for token in tokens] == [INVALID] * 2
    assert mailing.use(bystander).status_code == 200


def test_a_use_makes_all_other_secrets_useless(mailing: Mailing, ann: Account, customer: Account) -> None:
    first, second = (mailing.token(ann.email) for _ in range(2))
    bystander = mailing.token(customer.email)

    answers = [code(mailing.use(token)) for token in (first, second, bystander)]

    assert answers == [(200, None), INVALID, (200, None)]


@pytest.mark.parametrize("change", ["email = 'Other@example.com'", "password = 'x'", "status = 0"])
def test_so_does_a_change_past_this_service(mailing: Mailing, ann: Account, change: str) -> None:
    token = mailing.token(ann.email)
    before = mailing.db.one("SELECT email, password, status FROM customer")

    mailing.db.execute(f"UPDATE customer SET {change}")
    mailing.db.execute("UPDATE customer SET email = %s, password = %s, status = %s", *before.values())

    assert code(mailing.use(token)) == INVALID


@pytest.mark.parametrize("token", ["x" * 43, "0" * 64, "%", "\u00e4"])
def test_an_unknown_token_is_invalid(mailing: Mailing, ann: Account, token: str) -> None:
    mailing.token(ann.email)

    assert code(mailing.use(token)) == INVALID


def test_a_token_of_a_disabled_account_is_invalid_and_changes_nothing(mailing: Mailing, ann: Account) -> None:
    mailing.db.execute("UPDATE customer SET status = 0")
    reset_token(mailing.db, ann)
    before = mailing.db.one("SELECT password, updated_at FROM customer")

    assert code(mailing.use("the secret of a mail")) == INVALID
    assert mailing.db.one("SELECT password, updated_at FROM customer") == before


def test_a_token_that_evershop_made_works(mailing: Mailing, ann: Account) -> None:
    token = secrets.token_hex(64)
    digest = hashlib.sha256(token.encode()).hexdigest()
    mailing.db.execute(
        "INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, %s FROM customer", digest
    )

    assert mailing.use(digest).status_code == 400
    assert mailing.use(token).status_code == 200


@pytest.mark.parametrize("password", ["short", "\u00e4" * 37, "password1", 8, None])
def test_a_password_that_breaks_the_rules_is_refused_and_the_token_stays(
    mailing: Mailing, ann: Account, password: Any
) -> None:
    token = mailing.token(ann.email)

    refused = mailing.use(token, password)

    assert (refused.status_code, list(refused.get_json()["error"]["errors"])) == (400, ["password"])
    assert mailing.use(token).status_code == 200


def test_of_16_uses_of_one_token_at_once_one_wins(mailing: Mailing, ann: Account) -> None:
    token = mailing.token(ann.email)

    answers = at_once(16, lambda number: code(mailing.use(token, f"a new password {number}")))

    assert Counter(answers) == {(200, None): 1, INVALID: 15}
    assert [mail.subject for mail in mailing.deliver()] == ["Your password was changed"]


def test_without_a_mail_server_asking_is_a_503_and_all_else_works(app: Flask, customer: Account, db: Db) -> None:
    asked = new_client(app).post("/api/customers/reset-password", json={"email": customer.email})
    changed = customer.client.patch(customer.path, json={"email": "new@example.com"})
    change = {"token": reset_token(db, customer), "password": NEW_PASSWORD}
    used = new_client(app).post("/api/customers/password", json=change)

    assert (code(asked), changed.status_code, used.status_code) == ((503, "mail_unavailable"), 200, 200)
    assert db.one("SELECT count(*) FROM outbox_mail") == {"count": 0}
