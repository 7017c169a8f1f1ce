"""What a check of schemathesis takes for a fault and is none, each with its reason.

Nothing is switched off: every rule names the one kind of failure and the very answer that it explains.
"""

import re
from typing import Any
from unicodedata import normalize

from schemathesis import Case, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

from customers import rules

# Refusals that depend on what is stored, where the check knows 401, 403, 404 and 409 by itself: no document could tell
# which ETag is current, which token is unused, and which key has been used.
_STORED = frozenset({"precondition_failed", "invalid_token", "idempotency_key_reused"})

_TRAIL = "GET /api/customers/{uuid}/audit"
_SESSIONS = "GET /api/customers/{uuid}/sessions"


def explain(failure: Failure, case: Case[Any], response: Response) -> bool:
    """Return whether a failure is explained by a rule."""
    # Refused, if not for what is wrong with it: the check knows no refusals for length.
    if isinstance(failure, AcceptedNegativeData):
        return response.status_code in (414, 431) or _fits_when_trimmed(failure.message, case.body)
    # To end all of a customer's sessions leaves an empty list of them, and the audit trail outlives its customer.
    if isinstance(failure, UseAfterFree):
        ended = failure.free.endswith("/sessions") and response.json() == {"data": []}
        return case.operation.label == _TRAIL or (case.operation.label == _SESSIONS and ended)
    if not isinstance(failure, RejectedPositiveData):
        return False
    error = response.json()["error"]
    if error["code"] in _STORED:
        return True
    found: dict[str, list[str]] = error.get("errors", {})
    return bool(found) and all(_beyond_schemas(name, texts, case.body) for name, texts in found.items())


def _fits_when_trimmed(said: str, body: Any) -> bool:
    """Return whether all that is wrong is the length of texts, which they have in form NFC without blanks around."""
    found = re.findall(r"violates `(\w+)` at /properties/(\w+)", said)
    return bool(found) and all(
        rule == "maxLength" and len(normalize("NFC", str(body.get(name))).strip()) <= rules.TEXT_CHARACTERS
        for rule, name in found
    )


def _beyond_schemas(name: str, texts: list[str], body: Any) -> bool:
    """Return whether what is said of a property follows from a documented rule that JSON Schema has no word for."""
    # Also in properties that are ignored, which are documented as true: anything.
    if texts == [rules.UNSTORABLE]:
        return True
    value = body.get(name) if isinstance(body, dict) else None
    # A text that shows nothing, of Unicode's categories; and one whose form NFC is longer.
    if isinstance(value, str) and texts == ["Must not be blank."]:
        return bool(value.strip()) and not rules.is_visible(value)
    if isinstance(value, str) and texts == [f"Longer than maximum length {rules.TEXT_CHARACTERS}."]:
        return len(value) <= rules.TEXT_CHARACTERS
    # Which groups there are; and that 5.0, an integer to JSON Schema, is none here, of a group as of a status.
    if name == "group_id":
        return texts == ["There is no group of this id."] or isinstance(value, float)
    # A length in bytes or in form NFC, and a list of common passwords.
    return name == "password" and isinstance(value, str) and len(value) >= rules.PASSWORD_CHARACTERS
