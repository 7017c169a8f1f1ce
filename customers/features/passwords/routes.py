"""Passwords over HTTP."""

from customers import errors
from customers.features.passwords import schemas, service
from customers.http import access, context
from customers.http.answers import answers
from customers.http.openapi import Blueprint
from customers.security.callers import Caller

blueprint = Blueprint("passwords", __name__, url_prefix="/api/customers", description="Changed and forgotten passwords")


@blueprint.route("/me/password", methods=["POST"])
@answers(200, raises=(errors.WrongPassword, errors.TooManyAttempts, errors.Busy))
@access.customer
@blueprint.arguments(schemas.PasswordChange)
def change_password(caller: Caller, body: dict[str, str]) -> None:
    """Change one's own password by the current one, and end the account's other sessions."""
    service.change(context.current(), caller, body["current_password"], body["password"])


@blueprint.route("/reset-password", methods=["POST"])
@answers(200, raises=(errors.MailUnavailable, errors.TooManyRequests))
@access.public
@blueprint.arguments(schemas.ResetRequest)
def request_password_reset(body: dict[str, str]) -> None:
    """Ask for a reset mail; the answer is the same whether or not the e-mail has an account."""
    service.request_reset(context.current(), Caller(origin=access.origin()), body["email"])


@blueprint.route("/password", methods=["POST"])
@answers(200, raises=(errors.InvalidToken, errors.Busy))
@access.public
@blueprint.arguments(schemas.Reset)
def reset_password(body: dict[str, str]) -> None:
    """Set a new password with the token of the mail, which works once; all sessions end."""
    service.reset(context.current(), access.origin(), body["token"], body["password"])
