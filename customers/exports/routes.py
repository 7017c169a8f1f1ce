"""What is stored about a person, over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify

from customers import auth, errors
from customers.accounts import examples
from customers.api import Blueprint, raises, resources
from customers.exports import schemas, service

blueprint = Blueprint("exports", __name__, url_prefix="/api/customers", description="What is stored about a person")

_TIMES = {"created_at": "2023-02-07 14:18:05", "updated_at": "2023-02-07 14:18:05"}
_CUSTOMER: dict[str, Any] = examples.WITH_ADDRESSES["data"]
PERSON = {
    "data": {
        **_CUSTOMER,
        "group_name": "Default",
        "meta_data": {},
        "addresses": [{**address, **_TIMES} for address in _CUSTOMER["addresses"]],
        "sessions": [],
        "networks": [],
        "password_resets": [],
        "mails": [],
        "remembered_answers": [],
        "audit": [
            {
                "created_at": "2023-02-07 14:18:05",
                "event": "login_succeeded",
                "actor": "customer",
                "ip": "203.0.113.9",
                "user_agent": "Mozilla/5.0",
                "request_id": "6f1c1d0f6c2b4b0f8f6e3b1f8a2d7c55",
                "details": {},
            }
        ],
    }
}
ATTACHMENT = {"Content-Disposition": {"schema": {"type": "string"}, "description": "Has a browser save it as a file"}}


@blueprint.route("/<customer:uuid>/export", methods=["GET"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound)
@blueprint.response(200, schemas.PersonAnswer, example=PERSON, headers=ATTACHMENT)
def export_customer(uuid: UUID) -> Response:
    """Export everything stored about a customer.

    The account, the addresses, sessions, networks, mails, remembered answers and what was done to the account, as one
    document; no password, hash or token.
    """
    response = jsonify(schemas.PersonAnswer().dump({"data": service.gather(resources(), auth.caller(), uuid)}))
    response.headers["Content-Disposition"] = f'attachment; filename="customer-{uuid}.json"'
    return response
