"""What acts need beside their input: settings, database, hasher, counters. One object per application."""

import logging
from dataclasses import dataclass

from customers import embedded, schema
from customers.config import Settings
from customers.database import Database
from customers.limits.pace import Pace
from customers.metrics import Metrics
from customers.outbox.mail import Mail
from customers.outbox.transport import Folder
from customers.passwords import Hasher

log = logging.getLogger(__name__)


def database_url(settings: Settings) -> str:
    """Return where the database is; the service's own is started first, if it does not run."""
    return settings.database_url or embedded.start(settings.data_dir)


@dataclass(frozen=True)
class Resources:
    """Handed to every act of a service."""

    settings: Settings
    database: Database
    passwords: Hasher
    mail: Mail
    metrics: Metrics
    pace: Pace

    @classmethod
    def of(cls, settings: Settings) -> "Resources":
        """Return the resources that settings describe; nothing is connected or started before it is used."""
        metrics = Metrics()
        database = Database(lambda: database_url(settings), settings)
        database.listen("checkout", metrics.connection_taken)
        database.listen("checkin", metrics.connection_returned)
        return cls(
            settings=settings,
            database=database,
            passwords=Hasher(
                settings.bcrypt_rounds,
                metrics,
                threads=settings.hashing_threads,
                places=settings.hashing_places,
                max_wait=settings.hash_max_wait,
            ),
            mail=Mail(settings),
            metrics=metrics,
            pace=Pace(settings.hashing_places),
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
