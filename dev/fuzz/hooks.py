"""What schemathesis is told beside the OpenAPI document: who calls, what is there, and what is no fault.

Loaded by schemathesis, in a process of its own for each caller. The environment says who calls (FUZZ_CALLER), where the
service is (FUZZ_BASE) and where to write the number of calls (FUZZ_COUNTS).
"""

import atexit
import json
import os
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.core.failures import Failure

from customers import rules
from dev.fuzz import contradictions, shop
from dev.fuzz.caller import Caller

HEADER = "X-Session-ID"

caller = Caller(os.environ["FUZZ_CALLER"], os.environ["FUZZ_BASE"])
calls: Counter[tuple[str, int]] = Counter()


def operation_id(case: Case[Any]) -> str:
    """Return what the OpenAPI document calls the operation."""
    found: str = case.operation.definition.raw["operationId"]
    return found


# ---------------------------------------------------------------- who calls

if caller.signs_in:

    @schemathesis.auth(refresh_interval=None)
    class Auth:
        """Signs every call in. To see a 401, schemathesis by itself leaves that out or spoils it."""

        def get(self, case: Case[Any], context: AuthContext) -> str:
            """Return a sid that is good."""
            return caller.sign_in()

        def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
            """Send it."""
            case.headers[HEADER] = data


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Count the call, and see whether the caller is still signed in."""
    expected = response.request.method == case.operation.method.upper()
    calls[case.operation.label if expected else "by another method", response.status_code] += 1
    if response.request.headers.get(HEADER) == caller.sid:
        caller.see(operation_id(case), response.status_code)


@atexit.register
def write_counts() -> None:
    """Leave the number of calls, by operation and status, to whoever started this process."""
    found = [[label, status, count] for (label, status), count in sorted(calls.items())]
    Path(os.environ["FUZZ_COUNTS"]).write_text(json.dumps(found))


# ---------------------------------------------------------------- what is there


def pick(value: object, below: int) -> int:
    """Return a number below a limit that a generated value stands for: the same one every time."""
    return zlib.crc32(str(value).encode(errors="replace")) % below


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out what is ignored, like anything unknown: others' ``group_id`` than an admin's, a key of nobody's.

    And say of a PATCH what the document cannot: an unknown property alone changes nothing, and is refused.
    """
    if caller.kind == "anonymous":
        del raw_schema["paths"]["/api/customers"]["post"]["parameters"]
    schemas = raw_schema["components"]["schemas"]
    if caller.kind != "admin":
        for name in ("NewCustomer", "CustomerChanges"):
            del schemas[name]["properties"]["group_id"]
    for name, schema in schemas.items():
        if name.endswith("Changes"):
            schema["anyOf"] = [{"required": [field]} for field in schema["properties"]]


@schemathesis.hook
def map_path_parameters(context: HookContext, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Have two of three generated uuids be those of something that is there."""
    generated = "".join(str(value) for value in (path_parameters or {}).values())
    if not path_parameters or pick(generated, 3) == 0:
        return path_parameters
    there = {**caller.place(pick(generated, shop.CUSTOMERS)), "group_uuid": shop.group(pick(generated, shop.GROUPS))}
    return {name: value if value == "me" else there[name] for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """Have two of three tokens be those of a customer, and two of three groups be there."""
    if not isinstance(body, dict):
        return body
    there: dict[str, Any] = {}
    token, group_id = body.get("token"), body.get("group_id")
    if isinstance(token, str) and 1 <= len(token) <= rules.TEXT_CHARACTERS and pick(token, 3):
        there["token"] = shop.token(pick(token, shop.CUSTOMERS))
    if type(group_id) is int and 1 <= group_id <= rules.LARGEST_ID and pick(group_id, 3):
        there["group_id"] = 1 + pick(group_id, shop.GROUPS)
    return {**body, **there}


# ---------------------------------------------------------------- what is no fault


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Drop what only looks like a fault."""
    return not contradictions.explain(failure, case, response)
