"""What the routes on passwords take."""

from customers.http import fields

_NEW = {"description": "The new password", "example": "staple correct horse"}
_TOKEN = {"description": "What stands in the mail's link", "example": "jAHxU0Q4Yl3sRr3mSPbPZqk5n8Tn0uH8n0XqJm6f4tE"}


class PasswordChange(fields.OpenBody):
    """The current password, and a new one."""

    current_password = fields.Password(required=True, metadata={"description": "The password as it is"})
    password = fields.NewPassword(required=True, metadata=_NEW)


class ResetRequest(fields.OpenBody):
    """Whose password is forgotten."""

    email = fields.Email(required=True, metadata={"description": "The account's e-mail"})


class Reset(fields.OpenBody):
    """The token of the mail, and a new password."""

    token = fields.Text(required=True, shortest=1, metadata=_TOKEN)
    password = fields.NewPassword(required=True, metadata=_NEW)
