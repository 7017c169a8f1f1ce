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


class Session(ma.Schema):
    """A browser or program that is signed in."""

    uuid = ma.fields.UUID(required=True, metadata={"description": "Its public name; not the sid"})
    created_at = fields.Timestamp(required=True)
    last_seen_at = fields.Timestamp(required=True)
    expires_at = fields.Timestamp(required=True)
    ip = ma.fields.String(required=True, allow_none=True)
    user_agent = ma.fields.String(required=True, allow_none=True)
    current = ma.fields.Boolean(required=True, metadata={"description": "Whether it is the caller's"})


class SessionsAnswer(ma.Schema):
    """A customer's sessions."""

    data = ma.fields.List(ma.fields.Nested(Session), required=True)
