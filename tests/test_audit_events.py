"""Every security event leaves one row, with who, on whom, when and from where (customers/audit/trail.py)."""

import logging
import re
from typing import Any, get_args

import pytest
from flask import Response

from customers.security.trail import Event
from customers.telemetry.logs import JsonFormatter
from tests.support.acts import ACTS, ANYTHING
from tests.support.trail import AGENT, REQUEST, Shop, shop

__all__ = ["shop"]

TABLES = {"customer": "customer", "admin": "admin_user", "group": "customer_group"}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_leaves_one_row_with_who_on_whom_when_and_from_where_and_a_line_in_the_log_and_no_secret(
    shop: Shop, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    act = ACTS[name]
    caplog.set_level(logging.INFO, "customers.security")

    secrets = shop.secrets()

    answer = act.do(shop)

    (entry,) = shop.entries()
    uuids = {"customer": shop.customer.uuid, "admin": shop.admin.uuid, "group": shop.group}
    assert (entry["event"], entry["actor_kind"], entry["is_new"]) == (act.event, act.actor, True)
    assert entry["actor_uuid"] == uuids.get(act.actor)
    if act.subject == "new":
        table = TABLES[entry["subject_kind"]]
        assert entry["subject_uuid"] not in uuids.values()
        assert shop.db.all(f"SELECT FROM {table} WHERE uuid = %s", entry["subject_uuid"])
    else:
        assert (entry["subject_kind"], entry["subject_uuid"]) == (act.subject, uuids.get(act.subject or ""))
    where = (None, None, None) if act.actor == "operator" else ("203.0.113.9", AGENT, REQUEST)
    assert (entry["ip"], entry["user_agent"], entry["request_id"]) == where
    details = {key: ANYTHING if act.details.get(key) is ANYTHING else value for key, value in entry["details"].items()}
    assert details == act.details
    (line,) = [record for record in caplog.records if record.name == "customers.security"]
    fields = line.__dict__["fields"]
    assert (line.message, line.levelname) == (act.event, "WARNING" if act.event.endswith("_failed") else "INFO")
    assert (fields["event"], fields["details"], fields["client"]) == (act.event, entry["details"], entry["ip"])
    assert fields["actor"] == {"kind": entry["actor_kind"], "uuid": entry["actor_uuid"]}
    subject = {"kind": entry["subject_kind"], "uuid": entry["subject_uuid"]}
    assert fields["subject"] == (subject if entry["subject_uuid"] else None)
    secrets |= shop.secrets() | sids(answer)
    left = shop.db.one("SELECT audit_log::text AS row FROM audit_log")["row"] + JsonFormatter().format(line)
    assert [secret for secret in secrets if secret in left] == []
    assert "@" not in left


def sids(answer: Any) -> set[str]:
    """Return the sid that a login answers."""
    body = answer.get_json(silent=True) if isinstance(answer, Response) else None
    return {body["data"]["sid"]} if body and "sid" in body.get("data", {}) else set()


def test_every_event_is_done_here_or_elsewhere() -> None:
    elsewhere = {"audit_purged", "login_throttled"}

    assert {act.event for act in ACTS.values()} | elsewhere == set(get_args(Event))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", event) for event in get_args(Event))
