"""What acts need beside their input: the settings, the database, the hasher. One object per application."""

import logging
from dataclasses import dataclass

from customers import embedded, schema
from customers.config import Settings
from customers.database import Database
from customers.outbox.mail import Mail
from customers.outbox.transport import Folder
from customers.passwords import Hasher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resources:
    """Handed to every act of a service."""

    settings: Settings
    database: Database
    passwords: Hasher
    mail: Mail

    @classmethod
    def of(cls, settings: Settings) -> "Resources":
        """Return the resources that settings describe; nothing is connected or started before it is used."""

        def url() -> str:
            return settings.database_url or embedded.start(settings.data_dir)

        return cls(
            settings=settings,
            database=Database(url, settings),
            passwords=Hasher(
                settings.bcrypt_rounds,
                threads=settings.hashing_threads,
                places=settings.hashing_places,
                max_wait=settings.hash_max_wait,
            ),
            mail=Mail(settings),
        )

    def prepare(self) -> None:
        """Start the service's own PostgreSQL and bring its schema up to date; leave a database with a URL alone."""
        if self.settings.embedded:
            log.info(
                "CUSTOMERS_DATABASE_URL is not set: running a PostgreSQL of its own in %s, for development,"
                " with cookies over plain HTTP",
                self.settings.data_dir.resolve(),
            )
            if isinstance(self.mail.transport, Folder):
                log.info("CUSTOMERS_SMTP_URL is not set: mails are written to %s", self.mail.transport.path)
            schema.apply(self.database)
            self.database.close()
