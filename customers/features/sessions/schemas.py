"""What the routes on sessions take and answer."""

import marshmallow as ma

from customers.features.accounts.schemas import StoredSession
from customers.http import fields

_SID = {
    "description": "Send it as `X-Session-ID`; the cookie holds it too",
    "example": "09d34c21-4af3-4db8-a38b-335ebf6d45fa",
}


class Login(ma.Schema):
    """An e-mail and a password. EverShop documents nothing of unknown properties here; they are ignored."""

    class Meta:
        unknown = ma.EXCLUDE

    email = fields.Email(required=True, metadata={"description": "The account's e-mail"})
    password = fields.Password(required=True, metadata={"description": "The account's password"})


class StartedSession(ma.Schema):
    """The session that a login started."""

    sid = ma.fields.UUID(required=True, metadata=_SID)


class Session(StoredSession):
    """A session, and whose."""

    current = ma.fields.Boolean(required=True, metadata={"description": "Whether it is the caller's"})
