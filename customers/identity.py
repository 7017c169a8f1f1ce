"""Who is calling, as plain data that services may know."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["customer", "admin"]
KINDS: tuple[Kind, ...] = ("customer", "admin")


@dataclass(frozen=True)
class Identity:
    """One account, signed in by one session."""

    kind: Kind
    account_id: int
    uuid: UUID
    email: str
    digest: bytes  # the session's, never to be shown
    recent: bool  # whether the login is recent enough for sensitive changes
    group_id: int = 1  # a customer's; who is in no group belongs to the default one


@dataclass(frozen=True)
class Caller:
    """Everyone who is signed in on one request: with cookies it may be a customer and an admin at once."""

    customer: Identity | None = None
    admin: Identity | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.customer is None and self.admin is None

    def owns(self, uuid: UUID) -> bool:
        """Return whether this is the customer's own account."""
        return self.customer is not None and self.customer.uuid == uuid


ANONYMOUS = Caller()
