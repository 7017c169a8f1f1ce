"""What acts need beside their input: the settings, the database, the hasher. One object per application."""

from dataclasses import dataclass

from customers import embedded, schema
from customers.config import Settings
from customers.database import Database
from customers.passwords import Hasher


@dataclass(frozen=True)
class Resources:
    """Handed to every act of a service."""

    settings: Settings
    database: Database
    passwords: Hasher

    @classmethod
    def of(cls, settings: Settings) -> "Resources":
        """Return the resources that settings describe; nothing is connected or started before it is used."""

        def url() -> str:
            return settings.database_url or embedded.start(settings.data_dir)

        return cls(
            settings=settings,
            database=Database(url, settings),
            passwords=Hasher(settings.bcrypt_rounds, settings.hashing_threads, settings.hash_max_wait),
        )

    def prepare(self) -> None:
        """Start the service's own PostgreSQL and bring its schema up to date; leave a database with a URL alone."""
        if self.settings.embedded:
            schema.apply(self.database)
            self.database.close()
