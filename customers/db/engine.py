"""Connections to PostgreSQL.

``autocommit()`` is a connection in autocommit, ``writing()`` a transaction; ``one()``, ``one_or_none()`` and ``all()``
execute a hot statement; ``without_timeouts()`` is a connection without timeouts.
"""

import functools
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, NullPool, TextClause, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import SQLAlchemyError

from customers.config import Settings

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

# A host that does not answer is given up after 3 seconds, one that is gone within some 25 (libpq's names; a URL may say
# otherwise).
_TCP = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

# Whatever the database, the role or the environment say otherwise. PgBouncer keeps the first three for each of its
# clients. Timeouts of statements are the role's: see deploy/role.sql, which sets the last one for poolers, too: where
# only early customers have sessions or addresses, a merge join looks cheap, and reads all customers for a late one.
_SESSION = """
    SET timezone TO 'UTC';
    SET datestyle TO 'ISO';
    SET standard_conforming_strings TO on;
    SET enable_mergejoin TO off
"""

# Seconds after which a connection is looked at before it is used.
_IDLE = 0.5

_dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy has not typed it

# SQLSTATEs by which a server says that it goes away, or that another has taken its place and it takes no writes:
# read_only_sql_transaction, admin_shutdown, crash_shutdown, cannot_connect_now.
_GONE = frozenset({"25006", "57P01", "57P02", "57P03"})


class TimedConnection(psycopg.Connection[Any]):
    """A connection with a timeout on the client's side: a frozen server does not enforce its own."""

    response_timeout: float | None = None  # seconds
    used_at = 0.0

    @functools.cached_property
    def _poll(self) -> "select.poll":
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return poll

    def gone(self) -> bool:
        """Return whether the server has closed this connection while it was idle.

        An idle server sends nothing, so readable bytes mean that it has closed. Looked at only after half a second of
        idleness, which saves a system call for each statement.
        """
        now = time.monotonic()
        idle, self.used_at = now - self.used_at, now
        return self.closed or (idle > _IDLE and bool(self._poll.poll(0)))

    @functools.cached_property
    def kept_cursor(self) -> psycopg.Cursor[Any]:
        """A cursor for statements with one row; to make one costs a tenth of such a statement."""
        return self.cursor()

    def wait(self, gen: "PQGen[T]", interval: float = 0.1, timeout: float | None = None) -> T:
        """Return what an exchange with the server returns; close and raise OperationalError when it takes too long."""
        try:
            return super().wait(gen, interval, timeout or self.response_timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()  # the answer may still come, and would be taken for the next statement's
            raise


# Returns the only row of a hot statement, or None: outside any transaction, or in one.
Fetch = Callable[[TextClause, Mapping[str, Any]], tuple[Any, ...] | None]


class Transaction:
    """A connection in a transaction, and what waits for its commit."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self._waiting: list[Callable[[], object]] = []

    def one_or_none(self, statement: TextClause, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the single row of a statement, in this transaction; None if it has none. As Database.one_or_none()."""
        return _executed(driver(self.conn), statement, values).fetchone()

    def after_commit(self, function: Callable[[], object]) -> None:
        """Have a function called once this transaction has committed; never, if it rolls back."""
        self._waiting.append(function)

    def committed(self) -> None:
        """Call what has waited."""
        for function in self._waiting:
            function()


class Database:
    """Connections to one PostgreSQL: each thread keeps one, so that none waits for another's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            skip_autocommit_rollback=True,
            use_native_hstore=False,  # would look for the type with a statement of its own
            hide_parameters=True,  # an exception's text goes to the log; its parameters may be hashes
        )
        self._own = threading.local()
        self.cursor_factory: type[psycopg.Cursor[Any]] = psycopg.Cursor  # of connections that are made from now on

    def _connect(self) -> TimedConnection:
        settings = self._settings
        defaults: dict[str, Any] = {
            "application_name": "customers",
            **_TCP,
        }
        conninfo = {**defaults, **conninfo_to_dict(settings.database_url), "client_encoding": "UTF8"}
        conn = TimedConnection.connect(
            make_conninfo("", **conninfo),
            autocommit=True,
            prepare_threshold=5 if settings.prepared_statements else None,
        )
        conn.response_timeout = settings.database_timeout
        conn.cursor_factory = self.cursor_factory
        encoding = conn.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            conn.close()
            raise psycopg.OperationalError(f"the database has the encoding {encoding}, and needs UTF8")
        conn.execute(_SESSION)
        return conn

    def _connection(self) -> tuple[Connection, TimedConnection]:
        """Return this thread's connection, as SQLAlchemy and as psycopg know it."""
        found: tuple[Connection, TimedConnection] | None = getattr(self._own, "found", None)
        if found is not None:
            if not found[1].gone():
                return found
            self.close()
        conn = self.engine.connect()
        self._own.found = found = conn, driver(conn)
        return found

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Return a connection in autocommit: each statement, read or write, is one round trip and commits by itself."""
        with self._used() as (conn, _):
            yield conn

    @contextmanager
    def writing(self, *, without_timeouts: bool = False) -> Iterator[Transaction]:
        """Return a transaction that commits at the end of the block, or rolls back on an exception.

        ``without_timeouts`` is for the rare act that may take longer than the role's timeout of statements allows.
        """
        with self._used() as (conn, connection):
            transaction = Transaction(conn)
            with connection.transaction():
                if without_timeouts:
                    connection.response_timeout = None
                    connection.execute("SET LOCAL statement_timeout TO 0")
                try:
                    yield transaction
                finally:
                    connection.response_timeout = self._settings.database_timeout
        transaction.committed()

    @contextmanager
    def _used(self) -> Iterator[tuple[Connection, TimedConnection]]:
        """Return this thread's connection; raise RuntimeError where the thread is using it already."""
        self._refuse_second_use()
        found = self._connection()
        self._own.used = True
        try:
            yield found
        except (SQLAlchemyError, psycopg.Error) as error:
            self._leave(error)
            raise
        finally:
            self._own.used = False

    def _refuse_second_use(self) -> None:
        if getattr(self._own, "used", False):
            raise RuntimeError("a thread has one connection, and is using it")

    def _leave(self, error: Exception) -> None:
        """Close this thread's connection if its server is no primary any more: the next use finds the one that is."""
        if is_gone(error):
            self.close()

    def _execute(self, statement: TextClause, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        self._refuse_second_use()
        _, connection = self._connection()
        try:
            return _executed(connection, statement, values)
        except psycopg.Error as error:
            self._leave(error)
            raise

    def one_or_none(self, statement: TextClause, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the single row of a statement on a hot path, in autocommit; None if it has none.

        psycopg executes it by itself: SQLAlchemy's result objects would cost more than the statement.
        """
        return self._execute(statement, values).fetchone()

    def all(self, statement: TextClause, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on a hot path, as one_or_none() does."""
        return self._execute(statement, values).fetchall()

    def one(self, statement: TextClause, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the row of a statement that always has one, as one_or_none() does."""
        row = self.one_or_none(statement, values)
        assert row is not None, "a statement with one row"
        return row

    @contextmanager
    def without_timeouts(self) -> Iterator[Connection]:
        """Return a connection of its own for an operator's long work: no timeout ends a statement or a pause.

        In autocommit; ``with driver(conn).transaction()`` makes a transaction. Closed at the end.
        """
        with self.engine.connect() as conn:
            driver(conn).response_timeout = None
            driver(conn).execute("SET statement_timeout TO 0; SET idle_in_transaction_session_timeout TO 0")
            yield conn

    def close(self) -> None:
        """Close this thread's connection; its next use opens a new one. Needed before a process forks."""
        found: tuple[Connection, TimedConnection] | None = getattr(self._own, "found", None)
        self._own.found = None
        if found is not None:
            found[1].close()
            found[0].close()


def _executed(connection: TimedConnection, statement: TextClause, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
    return connection.kept_cursor.execute(_compiled(statement), values)


def is_gone(error: Exception) -> bool:
    """Return whether a server says that it goes away, or that it takes no writes."""
    return getattr(getattr(error, "orig", None) or error, "sqlstate", None) in _GONE


@functools.lru_cache(maxsize=2000)  # bounded: search.py makes statements at run time
def _compiled(statement: TextClause) -> bytes:
    """Return a statement for psycopg, in one line: psycopg parses one over 4096 characters at each execution.

    So a statement may hold no comment, and no literal with several blanks in a row.
    """
    return " ".join(str(statement.compile(dialect=_dialect)).split()).encode()


def driver(conn: Connection) -> TimedConnection:
    """Return psycopg's connection, for what SQLAlchemy has no word for: COPY, several statements at once."""
    found = conn.connection.driver_connection
    assert isinstance(found, TimedConnection)
    return found
