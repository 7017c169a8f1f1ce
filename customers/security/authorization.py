"""Who may do what: pure rules over a caller, each raising the error that refuses."""

from typing import Literal
from uuid import UUID

from customers.errors import Forbidden, LoginAgain, NotAuthenticated
from customers.security.callers import Account, Caller

ME: Literal["me"] = "me"
Whose = UUID | Literal["me"]


def require_signed_in(caller: Caller) -> None:
    """Let customers and admins pass. Raises NotAuthenticated."""
    if caller.anonymous:
        raise NotAuthenticated()


def require_customer(caller: Caller) -> Account:
    """Return the signed-in customer. Raises NotAuthenticated, Forbidden."""
    require_signed_in(caller)
    if caller.customer is None:
        raise Forbidden()
    return caller.customer


def require_admin(caller: Caller, whose: Whose | None = None) -> Account:
    """Return the signed-in admin, who has no `me`. Raises NotAuthenticated, Forbidden."""
    require_signed_in(caller)
    if caller.admin is None or whose == ME:
        raise Forbidden()
    return caller.admin


def require_owner_or_admin(caller: Caller, whose: Whose) -> tuple[Caller, UUID]:
    """Return as whom to act and on which customer; looks nothing up, so that a customer learns of no other uuid.

    Raises NotAuthenticated, Forbidden.
    """
    if whose == ME:
        return caller._replace(admin=None), require_customer(caller).uuid
    require_signed_in(caller)
    if caller.admin is None and (caller.customer is None or caller.customer.uuid != whose):
        raise Forbidden()
    return caller, whose


def require_recent_login(caller: Caller) -> None:
    """Let admins and customers with a recent login pass. Raises LoginAgain."""
    if caller.admin is None and (caller.customer is None or not caller.customer.recent):
        raise LoginAgain()
