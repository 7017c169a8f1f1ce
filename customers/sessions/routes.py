"""Logins and logouts of customers and admins."""

from typing import Any
from uuid import UUID

from flask import Response

from customers import auth, errors, fields
from customers.api import Blueprint, asked_about_writes, raises, resources
from customers.sessions import schemas, service

blueprint = Blueprint("sessions", __name__, description="Signing in and out")

EXAMPLE = {"email": "john.smith@example.com", "password": "correct horse battery"}
STARTED = {"data": {"sid": "09d34c21-4af3-4db8-a38b-335ebf6d45fa"}}
ENDED: dict[str, Any] = {"data": {}}
SESSIONS = {
    "data": [
        {
            "uuid": "0b5f8a1e-6f0c-4f6b-9a52-3f1f3a7b2c10",
            "created_at": "2023-02-07 14:18:05",
            "last_seen_at": "2023-02-07 14:20:11",
            "expires_at": "2023-02-08 14:20:11",
            "ip": "203.0.113.9",
            "user_agent": "Mozilla/5.0",
            "current": True,
        }
    ]
}
WHO = {
    name: {"schema": {"type": "string"}, "description": description}
    for name, description in (
        ("X-Customer-UUID", "The customer, if one is signed in"),
        ("X-Customer-Group", "The customer's `group_id`; 1, the default group, where it is null"),
        ("X-Admin-UUID", "The admin, if one is signed in"),
    )
}
ASKED = {
    "name": auth.ORIGINAL_METHOD,
    "in": "header",
    "description": "The method of the request in question; by default a read",
    "schema": {"type": "string"},
}
SET_COOKIE = {"Set-Cookie": {"schema": {"type": "string"}, "description": "The cookie that names the session"}}


@blueprint.route("/customer/login", methods=["POST"])
@auth.sign_in
@raises(errors.InvalidCredentials, errors.TooManyAttempts, errors.Busy)
@blueprint.arguments(schemas.Login, example=EXAMPLE)
@blueprint.response(200, schemas.LoginAnswer, example=STARTED, headers=SET_COOKIE)
def login_customer(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign a customer in.

    Starts a new session. Its sid is in the answer, for the header `X-Session-ID`, and in the cookie that is set. After
    too many failures, the right password is refused, too, until the time in `Retry-After` is over.
    """
    return {"data": {"sid": auth.log_in("customer", credentials)}}


@blueprint.route("/customer/logout", methods=["POST"], endpoint="logout_customer_alias")
@blueprint.route("/customers/logout", methods=["POST"])
@auth.public
@raises(errors.CrossSite)
@blueprint.response(200, fields.DoneAnswer, example=ENDED)
def logout_customer() -> dict[str, Any]:
    """Sign the customer out.

    Ends the session of the header, or else of the cookie, at once and everywhere. Without a session nothing ends, and
    the answer is the same.
    """
    auth.log_out("customer", auth.presented("customer"))
    return ENDED


@blueprint.route("/admin/user/login", methods=["POST"])
@auth.sign_in
@raises(errors.InvalidCredentials, errors.TooManyAttempts, errors.Busy)
@blueprint.arguments(schemas.Login, example=EXAMPLE)
@blueprint.response(200, schemas.LoginAnswer, example=STARTED, headers=SET_COOKIE)
def login_admin(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign an admin in.

    As for a customer; both may be signed in from one browser at the same time.
    """
    return {"data": {"sid": auth.log_in("admin", credentials)}}


@blueprint.route("/admin/user/logout", methods=["POST"])
@auth.public
@raises(errors.CrossSite)
@blueprint.response(200, fields.DoneAnswer, example=ENDED)
def logout_admin() -> dict[str, Any]:
    """Sign the admin out.

    As for a customer.
    """
    auth.log_out("admin", auth.presented("admin"))
    return ENDED


@blueprint.route("/session", methods=["GET"])
@auth.signed_in
@asked_about_writes
@blueprint.doc(parameters=[ASKED])
@blueprint.response(204, headers=WHO)
def tell_session() -> Response:
    """Tell who is signed in.

    For a proxy that asks before it passes a request on to another service, such as nginx with `auth_request`: the
    headers of the answer are for that service. A write by cookie that a page of another site started is refused as
    everywhere, if the proxy tells the method.
    """
    response = Response(status=204)
    del response.headers["Content-Type"]
    caller = auth.caller()
    if caller.customer:
        response.headers["X-Customer-UUID"] = str(caller.customer.uuid)
        response.headers["X-Customer-Group"] = str(caller.customer.group_id)
    if caller.admin:
        response.headers["X-Admin-UUID"] = str(caller.admin.uuid)
    return response


@blueprint.route("/api/customers/<customer:uuid>/sessions", methods=["GET"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound)
@blueprint.response(200, schemas.SessionsAnswer, example=SESSIONS)
def list_sessions(uuid: UUID) -> dict[str, Any]:
    """List a customer's sessions.

    The last used first.
    """
    return {"data": service.list_all(resources(), auth.caller(), uuid)}


@blueprint.route("/api/customers/<customer:uuid>/sessions", methods=["DELETE"])
@auth.owner_or_admin
@raises(errors.CustomerNotFound)
@blueprint.response(200, fields.DoneAnswer, example=ENDED)
def end_other_sessions(uuid: UUID) -> dict[str, Any]:
    """End a customer's sessions, but the current one.

    For an admin that is all of them.
    """
    service.end_others(resources(), auth.caller(), uuid)
    return ENDED


@blueprint.route("/api/customers/<customer:uuid>/sessions/<uuid:session_uuid>", methods=["DELETE"])
@auth.owner_or_admin
@raises(errors.SessionNotFound)
@blueprint.response(200, fields.DoneAnswer, example=ENDED)
def end_session(uuid: UUID, session_uuid: UUID) -> dict[str, Any]:
    """End one of a customer's sessions."""
    service.end_one(resources(), auth.caller(), uuid, session_uuid)
    return ENDED
