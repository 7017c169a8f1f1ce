"""The audit trail over HTTP."""

from typing import Any
from uuid import UUID

from customers import errors
from customers.db.documents import Page
from customers.features.audit import schemas, service
from customers.http import access, context, paging
from customers.http.answers import answers
from customers.http.openapi import Blueprint
from customers.security.callers import Caller

blueprint = Blueprint("audit", __name__, url_prefix="/api/customers", description="What was done to an account")


@blueprint.route("/<customer:uuid>/audit", methods=["GET"])
@answers(200, schemas.Entry, page=True, raises=(errors.CustomerNotFound,))
@access.admin
@blueprint.arguments(paging.PageQuery, location="query")
def list_audit_entries(_caller: Caller, query: dict[str, Any], uuid: UUID) -> Page:
    """List the security events of a customer's account, deleted or not, the newest first."""
    return service.list_page(context.current(), uuid, **query)
