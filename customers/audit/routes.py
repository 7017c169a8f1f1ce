"""The audit trail over HTTP."""

from typing import Any
from uuid import UUID

from flask import request

from customers import auth, errors, paging
from customers.api import Blueprint, raises, resources
from customers.audit import schemas, service

blueprint = Blueprint("audit", __name__, url_prefix="/api/customers", description="What was done to an account")

_PATH = "/api/customers/0b5f8a1e-6f0c-4f6b-9a52-3f1f3a7b2c10/audit"
PAGE = {
    "data": [
        {
            "audit_log_id": 4711,
            "created_at": "2023-02-07 14:18:05",
            "event": "status_changed",
            "actor": {"kind": "admin", "uuid": "5c0e2b3a-5d0f-4b8e-9d37-0b9a3b2f6c44"},
            "ip": "203.0.113.9",
            "user_agent": "Mozilla/5.0",
            "request_id": "6f1c1d0f6c2b4b0f8f6e3b1f8a2d7c55",
            "details": {"from": 1, "to": 0, "sessions_ended": 2},
        }
    ],
    "links": {"first": f"{_PATH}?page=1", "last": f"{_PATH}?page=1", "prev": None, "next": None},
    "meta": {"current_page": 1, "from": 1, "last_page": 1, "path": _PATH, "per_page": 20, "to": 1, "total": 1},
}


@blueprint.route("/<customer:uuid>/audit", methods=["GET"])
@auth.admin
@raises(errors.CustomerNotFound)
@blueprint.arguments(schemas.TrailQuery, location="query")
@blueprint.response(200, schemas.TrailPage, example=PAGE)
def list_audit_entries(query: dict[str, Any], uuid: UUID) -> dict[str, Any]:
    """List what was done to a customer's account.

    By whom and from where, the newest first. It can still be read when the account has been deleted.
    """
    page = service.list_page(resources(), uuid, **query)
    return paging.envelope(page, page["entries"], request.path, request.args, **query)
