"""Where the data is, and how long the database is waited for."""

from dataclasses import dataclass
from pathlib import Path

from customers import readers
from customers.environment import setting


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where the data is, and how long the database is waited for."""

    database_url: str | None = setting(
        "CUSTOMERS_DATABASE_URL",
        readers.database_url,
        None,
        "PostgreSQL 15 or later, as `postgresql://user:password@host/database`",
        "its own PostgreSQL",
    )
    pooler: str = setting(
        "CUSTOMERS_POOLER",
        readers.choice("none", "transaction"),
        "none",
        "`transaction`: that URL leads to a PgBouncer in transaction mode",
    )
    direct_url: str | None = setting(
        "CUSTOMERS_DIRECT_URL",
        readers.database_url,
        None,
        "the database past the pooler, for `import-customers` and `export-customers`",
        "none",
    )
    replica_url: str | None = setting(
        "CUSTOMERS_REPLICA_URL",
        readers.database_url,
        None,
        "a streaming replica, which then serves the admins' list of customers",
        "none",
    )
    data_dir: Path = setting(
        "CUSTOMERS_DATA_DIR", readers.path, Path(".data"), "where the service's own PostgreSQL and its secret key live"
    )
    pool_size: int = setting(
        "CUSTOMERS_POOL_SIZE", readers.whole(1, 1000), 10, "database connections of a worker, at most"
    )
    pool_timeout: float = setting(
        "CUSTOMERS_POOL_TIMEOUT", readers.seconds, 5.0, "wait for a free connection, then 503", "5"
    )
    connect_timeout: int = setting(
        "CUSTOMERS_CONNECT_TIMEOUT", readers.whole(1, 60), 3, "wait for a connection to the database"
    )
    statement_timeout: float = setting(
        "CUSTOMERS_STATEMENT_TIMEOUT", readers.seconds, 5.0, "a statement that takes longer is cancelled, then 503", "5"
    )
