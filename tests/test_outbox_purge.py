"""How long mails are kept: they hold addresses, of people too whose accounts are gone."""

import pytest
from flask import Flask

from tests.support.database import Db

SENT, GIVEN_UP = "sent_at", "failed_at"


@pytest.mark.parametrize(
    ("column", "days", "kept"),
    [(SENT, 6, True), (SENT, 8, False), (GIVEN_UP, 29, True), (GIVEN_UP, 31, False), (None, 60, True)],
)
def test_purge_deletes_mails_a_week_after_they_were_sent_and_a_month_after_they_were_given_up(
    app: Flask, db: Db, column: str | None, days: int, kept: bool
) -> None:
    ended = f", {column}" if column else ""
    db.execute(
        f"INSERT INTO outbox_mail (kind, recipient, created_at{ended})"
        f" SELECT 'password_changed', 'ann@example.com', past{', past' if column else ''}"
        "   FROM (SELECT now() - make_interval(days => %s) AS past) AS times",
        days,
    )

    assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0

    assert db.one("SELECT count(*) AS mails FROM outbox_mail") == {"mails": int(kept)}
