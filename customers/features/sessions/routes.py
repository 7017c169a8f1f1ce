"""Logins, logouts and sessions over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response, request

from customers import errors
from customers.features.sessions import schemas, service
from customers.http import access, context, cookies
from customers.http.answers import answers
from customers.http.openapi import Blueprint, header, header_parameter, noted
from customers.http.request import CLAIM
from customers.security import sessions
from customers.security.callers import Caller, Claim, Kind

blueprint = Blueprint("sessions", __name__, description="Signing in and out")

_SET_COOKIE = {"Set-Cookie": header("The cookie that names the session")}
_WHO = {
    "X-Customer-UUID": header("The customer, if one is signed in"),
    "X-Customer-Group": header("The customer's `group_id`; 1, the default group, where it is null"),
    "X-Admin-UUID": header("The admin, if one is signed in"),
}
_ASKED = header_parameter(access.ORIGINAL_METHOD, "The method of the request in question; by default a read")
_LOGIN_ERRORS = (errors.InvalidCredentials, errors.TooManyAttempts, errors.Busy)


def start_session(kind: Kind, credentials: dict[str, str]) -> str:
    """Sign in, put the session into the cookie, and return its sid.

    Raises InvalidCredentials, TooManyAttempts, Busy.
    """
    origin, evershop = access.origin(), context.current().evershop
    former = evershop.sids(request.cookies).get(kind) if evershop else None
    started = service.log_in(context.current(), kind, **credentials, origin=origin, former=former)
    cookies.remember(kind, started.sid)
    if evershop and started.evershop_sid:
        cookies.give(evershop.cookie_names[kind], evershop.cookie(started.evershop_sid), kind)
    request.environ[CLAIM] = claim = Claim(None, None, by_header=False, origin=origin)  # for the access log
    claim.caller = Caller(**{kind: started.account}, origin=origin)
    return started.sid


def end_session(kind: Kind) -> None:
    """End the session that this request presents, and take it out of the cookie; without one, nothing ends."""
    presents, evershop = access.claim(), context.current().evershop
    digest = presents.customer_digest if kind == "customer" else presents.admin_digest
    in_cookie = sessions.digest(cookies.sid(kind))
    # Beside an EverShop two cookies may name two sessions.
    for ends in {digest} if presents.by_header else {digest, in_cookie}:
        if ends is not None:
            service.log_out(context.current(), kind, ends, presents.origin)
    if in_cookie is not None and (in_cookie == digest or not presents.by_header):
        cookies.forget(kind)
    if evershop and digest is not None and not presents.by_header:
        cookies.give(evershop.cookie_names[kind], "", kind)


@blueprint.route("/customer/login", methods=["POST"])
@answers(200, schemas.StartedSession, raises=_LOGIN_ERRORS, headers=_SET_COOKIE)
@access.sign_in
@blueprint.arguments(schemas.Login)
def login_customer(credentials: dict[str, str]) -> dict[str, str]:
    """Sign a customer in: start a session, whose sid is in the answer and in the cookie.

    After too many failures the right password is refused, too, until the time in `Retry-After` is over.
    """
    return {"sid": start_session("customer", credentials)}


@blueprint.route("/customer/logout", methods=["POST"], endpoint="logout_customer_alias")
@blueprint.route("/customers/logout", methods=["POST"])
@answers(200)
@access.sign_out
def logout_customer() -> None:
    """Sign the customer out: end the session of the header, or else of the cookie, if there is one."""
    end_session("customer")


@blueprint.route("/admin/user/login", methods=["POST"])
@answers(200, schemas.StartedSession, raises=_LOGIN_ERRORS, headers=_SET_COOKIE)
@access.sign_in
@blueprint.arguments(schemas.Login)
def login_admin(credentials: dict[str, str]) -> dict[str, str]:
    """Sign an admin in, in the same way as a customer. One browser may hold both sessions."""
    return {"sid": start_session("admin", credentials)}


@blueprint.route("/admin/user/logout", methods=["POST"])
@answers(200)
@access.sign_out
def logout_admin() -> None:
    """Sign the admin out; works like the customer's logout."""
    end_session("admin")


# Only beside an EverShop, whose admin panel signs out so, and in no OpenAPI document.
@answers(200)
@access.sign_out
def logout_admin_by_get() -> None:
    """Sign the admin out, where a page of this host asks: a GET is what any page could have a browser send."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise errors.CrossSite()
    end_session("admin")


@blueprint.route("/session", methods=["GET"])
@answers(204, headers=_WHO)
@access.signed_in
@noted(parameters=[_ASKED])
def tell_session(caller: Caller) -> Response:
    """Tell who is signed in.

    For a proxy that asks before it passes a request on, such as nginx with `auth_request`: the headers of the answer
    are for the service behind. If the proxy tells the method, a cross-site write by cookie is refused as everywhere.
    """
    response = Response(status=204)
    del response.headers["Content-Type"]
    if caller.customer:
        response.headers["X-Customer-UUID"] = str(caller.customer.uuid)
        response.headers["X-Customer-Group"] = str(caller.customer.group_id)
    if caller.admin:
        response.headers["X-Admin-UUID"] = str(caller.admin.uuid)
    return response


@blueprint.route("/api/customers/<customer:uuid>/sessions", methods=["GET"])
@answers(200, schemas.Session, many=True, raises=(errors.CustomerNotFound,))
@access.owner_or_admin
def list_sessions(caller: Caller, uuid: UUID) -> list[dict[str, Any]]:
    """List a customer's sessions, the last used first."""
    return service.list_all(context.current(), caller, uuid)


@blueprint.route("/api/customers/<customer:uuid>/sessions", methods=["DELETE"])
@answers(200, raises=(errors.CustomerNotFound,))
@access.owner_or_admin
def end_other_sessions(caller: Caller, uuid: UUID) -> None:
    """End a customer's sessions, but the current one; for an admin that is all of them."""
    service.end_others(context.current(), caller, uuid)


@blueprint.route("/api/customers/<customer:uuid>/sessions/<uuid:session_uuid>", methods=["DELETE"])
@answers(200, raises=(errors.SessionNotFound,))
@access.owner_or_admin
def end_one_session(caller: Caller, uuid: UUID, session_uuid: UUID) -> None:
    """End one of a customer's sessions."""
    service.end_one(context.current(), caller, uuid, session_uuid)
