"""Connections: where they come from, how reading and writing differ, and what a violated constraint means."""

import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DisconnectionError, IntegrityError

from customers.config import Settings
from customers.errors import ServiceError

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

_AFTER_COMMIT = "customers_after_commit"  # an option of our own, which SQLAlchemy keeps with the connection

# A host that is gone is noticed within some 25 seconds (libpq's names; a URL may say otherwise).
_TCP = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}


class Database:
    """The pool of connections to one PostgreSQL."""

    def __init__(self, url: Callable[[], str], settings: Settings) -> None:
        """``url`` is asked for at the first connection, so that an embedded server can start then."""
        self._writing = create_engine(
            "postgresql+psycopg://",
            creator=lambda: _connect(url(), settings),
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.pool_timeout,
            pool_use_lifo=True,  # the connections that a quiet hour does not need stay unused
            skip_autocommit_rollback=True,
            use_native_hstore=False,  # would look for the type with a statement of its own
            hide_parameters=True,  # an exception's text goes to the log; its parameters may be hashes
        )
        event.listen(self._writing, "checkout", _refuse_dead)
        self._reading = self._writing.execution_options(isolation_level="AUTOCOMMIT")

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a connection outside any transaction: each statement is one round trip and its own snapshot."""
        return self._reading.connect()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Return a connection in a transaction that commits at the end of the block, or rolls back on an exception."""
        with self._writing.connect() as conn, transaction(conn):
            yield conn

    @contextmanager
    def writing_at_length(self) -> Iterator[Connection]:
        """As writing(), for what an operator waits for: no statement is given up because it takes long."""
        with self.writing() as conn:
            driver = conn.connection.driver_connection
            assert isinstance(driver, _PatientConnection)
            patience, driver.patience = driver.patience, None
            try:
                conn.execute(text("SET LOCAL statement_timeout = 0"))
                yield conn
            finally:
                driver.patience = patience

    @contextmanager
    def at_length(self) -> Iterator[Connection]:
        """Return a connection of one's own for an operator's long work, with transaction() for each part of it.

        No statement is given up because it takes long, nor a transaction because its client does. Closed at the end.
        """
        with self._writing.connect() as conn:
            driver = conn.connection.driver_connection
            assert isinstance(driver, _PatientConnection)
            driver.patience = None
            driver.prepare_threshold = None  # a plan is for the tables as they are, and these grow
            conn.detach()  # the pool is not to hand it to somebody who counts on the timeouts
            conn.execute(text("SET statement_timeout = 0"))
            conn.execute(text("SET idle_in_transaction_session_timeout = 0"))
            conn.commit()
            yield conn

    def listen(self, name: str, function: Callable[..., object]) -> None:
        """Have a function called at an event of SQLAlchemy's, of the engine or its pool."""
        event.listen(self._writing, name, function)

    def close(self) -> None:
        """Close the idle connections; the next request opens new ones. Needed before a process forks."""
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


class _PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for the server, but not for ever.

    The statement timeout is the server's; this is for a server that is frozen, or behind a network that is gone.
    """

    patience: float | None = None  # seconds for one round trip

    def wait(self, gen: "PQGen[T]", interval: float = 0.1, timeout: float | None = None) -> T:
        """Return what an exchange with the server returns. Raises OperationalError, and closes, if it takes long."""
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # nobody knows what the server will still say
            raise


def _connect(url: str, settings: Settings) -> _PatientConnection:
    given = conninfo_to_dict(url)
    milliseconds = int(settings.statement_timeout * 1000)
    options = (
        f"{given.pop('options', None) or ''} -c timezone=UTC"
        f" -c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds * 2}"
    )
    defaults: dict[str, Any] = {"connect_timeout": settings.connect_timeout, "application_name": "customers", **_TCP}
    connection = _PatientConnection.connect(**{**defaults, **given, "options": options.strip()})
    connection.patience = settings.statement_timeout + 1
    return connection


def _refuse_dead(connection: psycopg.Connection[Any], *_: object) -> None:
    """Have the pool replace a connection whose server went away while it was idle.

    An idle server sends nothing, so bytes waiting on the socket are its farewell. Looking costs a system call, where
    SQLAlchemy's ``pool_pre_ping`` costs a round trip.
    """
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        dead = bool(poll.poll(0))
    except psycopg.OperationalError:
        dead = True
    if dead:
        raise DisconnectionError("the server has closed this connection")


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
