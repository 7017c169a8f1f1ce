"""Connections: where they come from, how reading and writing differ, and what a violated constraint means."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, event, text
from sqlalchemy.exc import IntegrityError

from customers import connections
from customers.config import ConfigurationError, Settings
from customers.connections import PatientConnection
from customers.errors import ServiceError

# What any engine here is made with.
_ENGINE: dict[str, Any] = {
    "use_native_hstore": False,  # would look for the type with a statement of its own
    "hide_parameters": True,  # an exception's text goes to the log; its parameters may be hashes
}

_AFTER_COMMIT = "customers_after_commit"  # an option of our own, which SQLAlchemy keeps with the connection

# Of this transaction alone: behind a pooler the next one belongs to somebody else.
LIMIT = text("""
    SELECT set_config('statement_timeout', :statement, true),
           set_config('idle_in_transaction_session_timeout', :idle, true)
""")


class Database:
    """The pool of connections to one PostgreSQL."""

    def __init__(self, url: Callable[[], str], settings: Settings) -> None:
        """``url`` is asked for at the first connection, so that an embedded server can start then."""
        self._url = url
        self._settings = settings
        self._milliseconds = int(settings.statement_timeout * 1000)
        self._pooled = settings.pooler == "transaction"
        connect = connections.connect_through_pooler if self._pooled else connections.connect
        self._writing = create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(url(), settings),
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.pool_timeout,
            pool_use_lifo=True,  # the connections that a quiet hour does not need stay unused
            skip_autocommit_rollback=True,
            **_ENGINE,
        )
        event.listen(self._writing, "checkout", connections.refuse_dead)
        event.listen(self._writing, "handle_error", connections.leave_a_server_that_is_gone)
        self._reading = self._writing.execution_options(isolation_level="AUTOCOMMIT")

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a connection outside any transaction: each statement is one round trip and its own snapshot."""
        return self._reading.connect()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Return a connection in a transaction that commits at the end of the block, or rolls back on an exception."""
        with self._writing.connect() as conn, transaction(conn):
            if self._pooled:
                self._limit(conn, self._milliseconds)
            yield conn

    @contextmanager
    def writing_at_length(self) -> Iterator[Connection]:
        """As writing(), for what an operator waits for: no statement is given up because it takes long."""
        with self.writing() as conn:
            driver = conn.connection.driver_connection
            assert isinstance(driver, PatientConnection)
            patience, driver.patience = driver.patience, None
            try:
                self._limit(conn, 0)
                yield conn
            finally:
                driver.patience = patience

    @contextmanager
    def at_length(self) -> Iterator[Connection]:
        """Return a connection of one's own for an operator's long work, with transaction() for each part of it.

        No statement is given up because it takes long, nor a transaction because its client does. Closed at the end.
        Raises ConfigurationError behind a pooler, if no URL leads past it: temporary tables and cursors need a server
        that stays.
        """
        direct = self._settings.direct_url
        if self._pooled and direct is None:
            raise ConfigurationError(
                ["CUSTOMERS_DIRECT_URL is needed with CUSTOMERS_POOLER to import and export: a URL past the pooler"]
            )
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: connections.connect_at_length(direct or self._url(), self._settings),
            poolclass=NullPool,
            **_ENGINE,
        )
        with engine.connect() as conn:
            yield conn

    def _limit(self, conn: Connection, milliseconds: int) -> None:
        """Give a transaction's statements a timeout, and its client the usual one; 0 is none."""
        conn.execute(LIMIT, {"statement": str(milliseconds), "idle": str(self._milliseconds * 2)})

    def listen(self, name: str, function: Callable[..., object]) -> None:
        """Have a function called at an event of SQLAlchemy's, of the engine or its pool."""
        event.listen(self._writing, name, function)

    def close(self) -> None:
        """Close the idle connections; the next use opens new ones."""
        self._writing.dispose()


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """Commit at the end of the block, or roll back on an exception; then do what waits for the commit."""
    waiting: list[Callable[[], object]] = []
    conn.execution_options(**{_AFTER_COMMIT: waiting})
    with conn.begin():
        yield
    for function in waiting:
        function()


def after_commit(conn: Connection, function: Callable[[], object]) -> None:
    """Have a function called when the connection's transaction() has committed; never, if it rolls back."""
    conn.get_execution_options()[_AFTER_COMMIT].append(function)


@contextmanager
def constraints(meaning: Mapping[str, Callable[[], ServiceError]]) -> Iterator[None]:
    """Raise the error that a violated constraint stands for, by the constraint's name."""
    try:
        yield
    except IntegrityError as violation:
        diagnosis = getattr(violation.orig, "diag", None)
        error = meaning.get(getattr(diagnosis, "constraint_name", None) or "")
        if error is None:
            raise
        raise error() from None
