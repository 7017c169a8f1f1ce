"""What every act needs beside its input: settings, database, hasher, mail; and the bound on writes."""

from dataclasses import dataclass

from sqlalchemy import Connection

from customers.config import Settings
from customers.db.engine import Database
from customers.evershop.service import EverShop
from customers.mail.message import Mail
from customers.security import sessions
from customers.security.callers import Kind
from customers.security.hashing import Hasher
from customers.security.writes import WriteBound


@dataclass(frozen=True)
class Context:
    """The first argument of every act; one for each application."""

    settings: Settings
    db: Database
    hasher: Hasher
    mail: Mail
    writes: WriteBound
    evershop: EverShop | None

    def end_sessions(self, conn: Connection, kind: Kind, account_id: int, *, keep: bytes | None = None) -> int:
        """End an account's sessions, but for the one to keep, in an EverShop too; return how many there were here."""
        ended = sessions.end_all(conn, kind, account_id, keep=keep)
        if self.evershop is not None:
            self.evershop.end_all(conn, kind, account_id, keep)
        return ended

    @classmethod
    def of(cls, settings: Settings) -> "Context":
        """Return the context that settings describe. Nothing is connected or started before its first use."""
        return cls(
            settings=settings,
            db=Database(settings),
            hasher=Hasher(
                settings.bcrypt_rounds,
                settings.hashing_threads,
                settings.hashing_places,
                escapes=bool(settings.evershop_cookie_secrets),
            ),
            mail=Mail(settings),
            writes=WriteBound(settings.limit_writes),
            evershop=EverShop(settings) if settings.evershop_cookie_secrets else None,
        )
