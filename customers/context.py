"""What every act needs beside its input: settings, database, hasher, mail; and the bound on writes."""

from dataclasses import dataclass

from customers.config import Settings
from customers.db.engine import Database
from customers.mail.message import Mail
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

    @classmethod
    def of(cls, settings: Settings) -> "Context":
        """Return the context that settings describe. Nothing is connected or started before its first use."""
        return cls(
            settings=settings,
            db=Database(settings),
            hasher=Hasher(settings.bcrypt_rounds, settings.hashing_threads, settings.hashing_places),
            mail=Mail(settings),
            writes=WriteBound(settings.limit_writes),
        )
