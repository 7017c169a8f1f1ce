"""The cookie: Flask's signed session, holding the sids of this browser's customer and admin."""

import hashlib
from uuid import UUID

from flask import Flask, Request, Response, after_this_request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature

from customers.http import context
from customers.security.callers import KINDS, Kind


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, with SHA-256 (ASVS 5.0, 11.4.1), whose age decides nothing.

    The row in the database alone says how long a session lives. Flask would compare the timestamp
    in the signature with this machine's clock, and take a cookie from a clock that is ahead for a forged one.
    """

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the request's cookie holds; nothing where its signature is wrong."""
        value = request.cookies.get(app.config["SESSION_COOKIE_NAME"]) if "HTTP_COOKIE" in request.environ else None
        serializer = self.get_signing_serializer(app) if value else None
        if serializer is None or value is None:
            return self.session_class()
        try:
            return self.session_class(serializer.loads(value))
        except BadSignature:
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Have the answer set the cookie if the request has changed it; one that has not looked at it needs no more."""
        if session.accessed:
            super().save_session(app, session, response)


def sid(kind: Kind) -> str | None:
    """Return the sid that the cookie holds for this kind of account, or None."""
    found = session.get(kind)
    return str(UUID(bytes=found)) if isinstance(found, bytes) and len(found) == 16 else None


def remember(kind: Kind, sid: str) -> None:
    """Put a sid into the cookie: as bytes, which Flask's serializer tags and encodes, so that no text of it shows."""
    session.permanent = True
    session[kind] = UUID(sid).bytes


def give(name: str, value: str, kind: Kind) -> None:
    """Have the answer set a cookie of EverShop's, for as long as a session may live; delete it for an empty value."""
    settings = context.current().settings
    _, lifetime = settings.session_times(kind)
    max_age = lifetime if value else 0

    @after_this_request
    def answer(response: Response) -> Response:
        response.set_cookie(name, value, max_age, secure=settings.cookie_secure, httponly=True, samesite="Lax")
        return response


def forget(kind: Kind) -> None:
    """Take the sid of this kind of account out of the cookie."""
    session.pop(kind, None)
    if not any(kind in session for kind in KINDS):
        session.clear()  # has Flask delete the cookie
