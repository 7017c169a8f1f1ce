"""New passwords: by the current one, or by mail."""

from typing import Any

from customers import auth, errors, fields
from customers.accounts import service as accounts
from customers.api import Blueprint, raises, resources
from customers.recovery import schemas, service

blueprint = Blueprint("passwords", __name__, url_prefix="/api/customers", description="Changed and forgotten passwords")

DONE: dict[str, Any] = {"data": {}}


@blueprint.route("/me/password", methods=["POST"])
@auth.customer
@raises(errors.WrongPassword, errors.TooManyAttempts, errors.Busy)
@blueprint.arguments(
    schemas.PasswordChange, example={"current_password": "correct horse battery", "password": "staple correct horse"}
)
@blueprint.response(200, fields.DoneAnswer, example=DONE)
def change_password(body: dict[str, str]) -> dict[str, Any]:
    """Change one's own password.

    Needs the current password instead of a recent login, and ends the account's other sessions. A wrong one counts as a
    failed login.
    """
    accounts.change_password(resources(), auth.caller(), body["current_password"], body["password"])
    return DONE


@blueprint.route("/reset-password", methods=["POST"])
@auth.public
@raises(errors.MailUnavailable, errors.TooManyRequests)
@blueprint.arguments(schemas.ResetRequest, example={"email": "john.smith@example.com"})
@blueprint.response(200, fields.DoneAnswer, example=DONE)
def request_password_reset(body: dict[str, str]) -> dict[str, Any]:
    """Ask for a link to a new password.

    The answer is the same whether or not the address has an account; mail goes to an active one, at most once a minute
    and five times a day. A network may ask ten times an hour.
    """
    service.request_reset(resources(), auth.caller(), body["email"])
    return DONE


@blueprint.route("/password", methods=["POST"])
@auth.public
@raises(errors.InvalidToken, errors.Busy)
@blueprint.arguments(
    schemas.Reset, example={"token": "jAHxU0Q4Yl3sRr3mSPbPZqk5n8Tn0uH8n0XqJm6f4tE", "password": "staple correct horse"}
)
@blueprint.response(200, fields.DoneAnswer, example=DONE)
def reset_password(body: dict[str, str]) -> dict[str, Any]:
    """Set a new password with the token of the mail.

    It works once, for an hour. All sessions of the account end.
    """
    service.reset(resources(), auth.origin(), body["token"], body["password"])
    return DONE
