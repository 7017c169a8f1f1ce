"""What a login takes and answers."""

import marshmallow as ma

from customers import fields


class Login(fields.Body):
    """An address and a password."""

    email = fields.Email(required=True, metadata={"description": "The account's e-mail address"})
    password = fields.Password(required=True, metadata={"description": "The account's password"})


class Sid(ma.Schema):
    """The session that a login started."""

    sid = ma.fields.UUID(required=True, metadata={"description": "Send it as `X-Session-ID`; the cookie holds it too"})


class LoginAnswer(ma.Schema):
    """A session has started."""

    data = ma.fields.Nested(Sid, required=True)


class Nothing(ma.Schema):
    """No data."""


class LogoutAnswer(ma.Schema):
    """No session is left."""

    data = ma.fields.Nested(Nothing, required=True)
