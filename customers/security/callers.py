"""Who is calling, and from where."""

from typing import Literal, NamedTuple
from uuid import UUID

from customers.security import networks

Kind = Literal["customer", "admin"]
KINDS: tuple[Kind, ...] = ("customer", "admin")
ActorKind = Literal["anonymous", "customer", "admin", "operator"]


class Origin(NamedTuple):
    """Where a request comes from, and the id under which the log has its lines."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None

    @property
    def network(self) -> str:
        """The network that limits count this request by."""
        return networks.network_of(self.ip)


class Actor(NamedTuple):
    """Whose act something is, for the audit trail."""

    kind: ActorKind
    uuid: UUID | None = None
    origin: Origin = Origin()


OPERATOR = Actor("operator")  # of `flask` commands


class Account(NamedTuple):
    """An account that is signed in, by one session."""

    kind: Kind
    account_id: int
    uuid: UUID
    email: str
    digest: bytes  # of the session's sid; never to be shown
    recent: bool  # whether the login is recent enough for sensitive changes
    group_id: int = 1  # a customer's; without a group it is the default one


class Caller(NamedTuple):
    """Who is signed in on a request: with cookies it may be a customer and an admin at once."""

    customer: Account | None = None
    admin: Account | None = None
    origin: Origin = Origin()

    @property
    def actor(self) -> Actor:
        """Whose act the request is: the admin's where both are signed in, since the admin may do more."""
        account = self.admin or self.customer
        return Actor(account.kind, account.uuid, self.origin) if account else Actor("anonymous", None, self.origin)

    @property
    def anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.customer is None and self.admin is None


class Claim:
    """What a request presents to say who calls: digests of the sids in its header or cookie.

    And who that turns out to be: the caller is found by the first statement that looks for it; until then it is nobody.
    """

    __slots__ = ("admin_digest", "by_header", "caller", "customer_digest", "origin")

    def __init__(
        self, customer_digest: bytes | None, admin_digest: bytes | None, *, by_header: bool, origin: Origin
    ) -> None:
        self.customer_digest = customer_digest
        self.admin_digest = admin_digest
        self.by_header = by_header
        self.origin = origin
        self.caller = Caller(None, None, origin)

    @property
    def digests(self) -> list[bytes]:
        """What sessions to look for: a cookie may name one of each kind, the admin's first, since it may do more."""
        found = [self.admin_digest, self.customer_digest if self.customer_digest != self.admin_digest else None]
        return [digest for digest in found if digest is not None]

    @property
    def has_admin_cookie(self) -> bool:
        """Whether a cookie names a session that may be an admin's. A sid in the header fills both digests."""
        return self.admin_digest not in (None, self.customer_digest)

    @property
    def empty(self) -> bool:
        """Whether the request presents nothing that could be a sid."""
        return self.customer_digest is None and self.admin_digest is None
