"""What the routes of forgotten passwords take and answer."""

from customers import fields


class ResetRequest(fields.OpenBody):
    """Whose password is forgotten."""

    email = fields.Email(required=True, metadata={"description": "The account's e-mail address"})


class Reset(fields.OpenBody):
    """The secret of the mail, and a new password."""

    token = fields.Text(required=True, shortest=1, metadata={"description": "What stands in the mail's link"})
    password = fields.NewPassword(required=True, metadata={"description": "The new password"})


class PasswordChange(fields.OpenBody):
    """The current password, and a new one."""

    current_password = fields.Password(required=True, metadata={"description": "The password as it is"})
    password = fields.NewPassword(required=True, metadata={"description": "The new password"})
