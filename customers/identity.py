"""Who is calling, and from where, as plain data that services may know."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from customers.limits.networks import network_of

Kind = Literal["customer", "admin"]
KINDS: tuple[Kind, ...] = ("customer", "admin")


@dataclass(frozen=True)
class Origin:
    """Where a request comes from, as the trusted-proxy setting says, and the id by which the log knows it."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None

    @property
    def network(self) -> str:
        """The network that limits count it by."""
        return network_of(self.ip)


@dataclass(frozen=True)
class Actor:
    """Whose act something is, for the audit trail."""

    kind: Literal["anonymous", "customer", "admin", "operator"]
    uuid: UUID | None = None
    origin: Origin = Origin()


OPERATOR = Actor("operator")  # whoever runs a command; which act it was tells the command


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
    version: str | None = None  # an admin's: the session's row as it was found; None where it is being changed


@dataclass(frozen=True)
class Caller:
    """Everyone who is signed in on one request: with cookies it may be a customer and an admin at once."""

    customer: Identity | None = None
    admin: Identity | None = None
    origin: Origin = Origin()

    @property
    def actor(self) -> Actor:
        """Whose act the request is: the admin's where both are signed in, since the admin may do more."""
        identity = self.admin or self.customer
        return Actor(identity.kind, identity.uuid, self.origin) if identity else Actor("anonymous", None, self.origin)

    @property
    def anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.customer is None and self.admin is None

    def owns(self, uuid: UUID) -> bool:
        """Return whether this is the customer's own account."""
        return self.customer is not None and self.customer.uuid == uuid
