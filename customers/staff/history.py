"""What was done to an account, in words: the last of its audit trail, for the page of the customer."""

from typing import Any
from uuid import UUID

from customers.features.audit import service
from customers.http import context
from customers.security.callers import Claim

MOST = 20

EVENTS = {
    "login_succeeded": "Signed in",
    "login_failed": "Sign-in refused",
    "login_throttled": "Sign-in refused: too many attempts",
    "current_password_failed": "Wrong current password",
    "logged_out": "Signed out",
    "sessions_ended": "Sessions ended",
    "customer_registered": "Registered",
    "customer_created": "Created",
    "customer_updated": "Details changed",
    "customer_exported": "All data read",
    "password_changed": "Password changed",
    "password_reset_requested": "Password link requested",
    "password_reset": "Password set by a mailed link",
    "email_changed": "E-mail address changed",
    "status_changed": "Account enabled",
    "group_changed": "Group changed",
}
_ACTORS = {"anonymous": "not signed in", "customer": "the customer", "operator": "a command"}


def latest(claim: Claim, uuid: UUID) -> list[dict[str, Any]]:
    """Return the last events of a customer for the template, the newest first."""
    return [
        {"what": _what(entry), "who": _who(claim, entry), "ip": entry["ip"], "created_at": entry["created_at"]}
        for entry in service.list_page(context.current(), uuid, page=1, limit=MOST).parsed()
    ]


def _what(entry: dict[str, Any]) -> str:
    """Return an event in words; one of another release by its name."""
    if entry["event"] == "status_changed" and entry["details"].get("to") == 0:
        return "Account disabled"
    event: str = entry["event"]
    return EVENTS.get(event, event)


def _who(claim: Claim, entry: dict[str, Any]) -> str:
    """Return whose act it was; admins other than the one who looks by the beginning of their uuids."""
    admin, actor = claim.caller.admin, entry["actor"]
    if actor["kind"] != "admin":
        return _ACTORS[actor["kind"]]
    return "you" if admin and str(admin.uuid) == actor["uuid"] else f"admin {actor['uuid'][:8]}"
