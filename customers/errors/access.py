"""Callers who may not: 401, 403."""

from customers.errors.family import ServiceError


class NotAuthenticated(ServiceError):
    """No session, or one that has ended."""

    status, code, message = 401, "not_authenticated", "Sign in first"
    # RFC 9110 section 11.6.1 wants a challenge with every 401; a scheme of our own keeps browsers from asking.
    headers = {"WWW-Authenticate": 'Session realm="customers"'}


class InvalidCredentials(NotAuthenticated):
    """Unknown address, wrong password, disabled account: the caller cannot tell which (ASVS 5.0, 6.3.8)."""

    code, message = "invalid_credentials", "The e-mail address or the password is wrong"


class Forbidden(ServiceError):
    """Signed in, but not allowed."""

    status, code, message = 403, "forbidden", "You may not do this"


class StatusForbidden(ServiceError):
    """A customer that sends ``status``."""

    status, code, message = 403, "status_forbidden", "Only an admin enables and disables accounts"


class WrongPassword(ServiceError):
    """A current password that is not the current one."""

    status, code, message = 403, "wrong_password", "The current password is wrong"


class LoginAgain(ServiceError):
    """A sensitive change from a session whose login is too long ago (ASVS 5.0, 7.5.1)."""

    status, code, message = 403, "login_again", "Sign in again to do this"


class CrossSite(ServiceError):
    """A browser's write or login that a page of another site started."""

    status, code, message = 403, "cross_site", "Pages of other sites may not do this"
