"""How the cookie is signed: as Flask does it, but with SHA-256."""

import hashlib

from flask.sessions import SecureCookieSessionInterface


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, with a digest that new designs may use (ASVS 5.0, 11.4.1 and appendix C)."""

    digest_method = staticmethod(hashlib.sha256)
