"""Every security event leaves one row and one line, with who, on whom, when and from where, and no secret."""

import logging
from typing import Any, get_args

import pytest
from werkzeug.test import TestResponse

from customers.security.trail import Event
from customers.telemetry.logs import JsonFormatter
from tests.support.acts import ACTS, ANYTHING
from tests.support.trail import AGENT, REQUEST, Shop

TABLES = {"customer": "customer", "admin": "admin_user", "group": "customer_group"}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_leaves_a_row_if_it_is_one_of_security_and_a_line_in_the_log_and_no_secret(
    shop: Shop, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    act = ACTS[name]
    caplog.set_level(logging.INFO, "customers.security")
    secrets = shop.secrets()

    answer = act.do(shop)

    (line,) = [record for record in caplog.records if record.name == "customers.security"]
    told = line.__dict__["fields"]
    uuids = {"customer": shop.customer.uuid, "admin": shop.admin.uuid, "group": shop.group}
    assert (line.message, line.levelname) == (act.event, "WARNING" if act.event.endswith("_failed") else "INFO")
    assert (told["event"], told["actor"]) == (act.event, {"kind": act.actor, "uuid": uuids.get(act.actor)})
    assert told["client"] == (None if act.actor == "operator" else "203.0.113.9")
    details = {key: ANYTHING if act.details.get(key) is ANYTHING else value for key, value in told["details"].items()}
    assert details == act.details
    if act.subject == "new":
        assert told["subject"]["uuid"] not in uuids.values()
        assert shop.db.all(f"SELECT FROM {TABLES[told['subject']['kind']]} WHERE uuid = %s", told["subject"]["uuid"])
    else:
        assert told["subject"] == (act.subject and {"kind": act.subject, "uuid": uuids[act.subject]})

    rows = shop.entries()
    if act.is_a_row:
        where = (None, None) if act.actor == "operator" else (AGENT, REQUEST)
        subject = told["subject"] or {"kind": None, "uuid": None}
        assert rows == [
            {"event": act.event, "actor_kind": act.actor, "actor_uuid": told["actor"]["uuid"], "is_new": True,
             "subject_kind": subject["kind"], "subject_uuid": subject["uuid"], "details": told["details"],
             "ip": told["client"], "user_agent": where[0], "request_id": where[1]}
        ]  # fmt: skip
    else:
        assert rows == []
    secrets |= shop.secrets() | sids(answer)
    left = f"{JsonFormatter().format(line)} {rows}"
    assert [secret for secret in secrets if secret in left] == []
    assert "@" not in left


def sids(answer: Any) -> set[str]:
    """Return the sid that a login answers."""
    body = answer.get_json(silent=True) if isinstance(answer, TestResponse) else None
    return {body["data"]["sid"]} if body and "sid" in body.get("data", {}) else set()


def test_every_event_is_done_here_or_elsewhere() -> None:
    elsewhere = {"audit_purged", "login_throttled"}  # test_trail.py, tests/security/test_guessing.py

    assert {act.event for act in ACTS.values()} | elsewhere == set(get_args(Event))
