"""One connection to a PostgreSQL: how it is opened, how long it is waited for, and how it is found dead."""

import select
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from customers.config import Settings

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

# A host that is gone is noticed within some 25 seconds (libpq's names; a URL may say otherwise).
_TCP = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}

# What a server says that ends, or that writes no more because another has taken its place (PostgreSQL, appendix A):
# read_only_sql_transaction, admin_shutdown, crash_shutdown, cannot_connect_now.
_GONE = frozenset({"25006", "57P01", "57P02", "57P03"})


class PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for the server, but not for ever.

    The statement timeout is the server's; this is for a server that is frozen, or behind a network that is gone.
    """

    patience: float | None = None  # seconds for one round trip
    cancels = False  # whether the server is to be told when patience ends: it may have no timeout of its own

    def wait(self, gen: "PQGen[T]", interval: float = 0.1, timeout: float | None = None) -> T:
        """Return what an exchange with the server returns. Raises OperationalError, and closes, if it takes long."""
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                if self.cancels:
                    self._cancel(gen, interval)
                self.pgconn.finish()  # nobody knows what the server will still say
            raise

    def _cancel(self, gen: "PQGen[T]", interval: float) -> None:
        """Have the server give up what it is doing. Raises QueryCanceled when it says so.

        What it says else is not believed: a COMMIT that is kept from waiting for a synchronous standby succeeds.
        """
        try:
            self.cancel_safe(timeout=1)
            super().wait(gen, interval, 1)
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.Error:
            return


def connect(url: str, settings: Settings) -> PatientConnection:
    """Return a connection on which no statement, and no idle transaction, takes longer than the settings allow."""
    connection = _open(url, settings, _timeouts(int(settings.statement_timeout * 1000)))
    connection.patience = settings.statement_timeout + 1
    return connection


def connect_at_length(url: str, settings: Settings) -> PatientConnection:
    """Return a connection for an operator's long work: nothing is given up because it, or its client, takes long."""
    connection = _open(url, settings, "-c timezone=UTC -c statement_timeout=0 -c idle_in_transaction_session_timeout=0")
    connection.prepare_threshold = None  # a plan is for the tables as they are, and these grow
    return connection


def connect_through_pooler(url: str, settings: Settings) -> PatientConnection:
    """Return a connection to a PgBouncer, whose every transaction may go to another connection of the server's.

    So nothing is left with the server: no prepared statement, and no setting but the time zone, which PgBouncer carries
    along (its documentation, "SQL feature map for pooling modes"). Timeouts are set within transactions; a statement
    outside of one is cancelled from here.
    """
    connection = _open(url, settings, "")
    connection.prepare_threshold = None
    connection.patience = settings.statement_timeout + 1
    connection.cancels = True
    try:
        connection.autocommit = True
        connection.execute("SET timezone TO 'UTC'")
        connection.autocommit = False
    except psycopg.Error:
        connection.close()
        raise
    return connection


def _timeouts(milliseconds: int) -> str:
    """Return libpq's options for a statement's longest time, and twice that for an idle transaction; 0 is for ever."""
    return (
        f"-c timezone=UTC -c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds * 2}"
    )


def _open(url: str, settings: Settings, options: str) -> PatientConnection:
    given = conninfo_to_dict(url)
    options = f"{given.pop('options', None) or ''} {options}".strip()
    defaults: dict[str, Any] = {"connect_timeout": settings.connect_timeout, "application_name": "customers", **_TCP}
    try:
        return PatientConnection.connect(**{**defaults, **given, **({"options": options} if options else {})})
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" in str(error):
            raise psycopg.OperationalError(f"{error} (behind PgBouncer set CUSTOMERS_POOLER=transaction)") from None
        raise


def refuse_dead(connection: psycopg.Connection[Any], *_: object) -> None:
    """Have the pool replace a connection whose server went away while it was idle; an event of SQLAlchemy's.

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


def leave_a_server_that_is_gone(failure: ExceptionContext) -> None:
    """Have the pool forget all its connections when one learns that its server is no primary any more.

    An event of SQLAlchemy's. The next request opens a new one, to whichever host of the URL takes writes.
    """
    if getattr(failure.original_exception, "sqlstate", None) in _GONE:
        failure.is_disconnect = True
