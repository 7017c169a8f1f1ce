"""Limits on guessing and flooding: attempts are counted in PostgreSQL, before anything is hashed.

An attempt is counted by all of its limits or by none. How it ends says what becomes of the count: a failure stays, a
success is forgiven, and what says nothing of the attempt (the service was busy) is given back.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Error as DriverError
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from customers.config import Settings
from customers.db.engine import Database
from customers.errors import Busy, EmailTaken, TooManyAttempts, TooManyRequests
from customers.security.callers import Kind, Origin
from customers.security.kinds import for_each_kind
from customers.security.networks import site_of
from customers.telemetry import metrics

_QUARTER_OF_AN_HOUR, _HOUR, _DAY = 15 * 60, 60 * 60, 24 * 60 * 60
_SITE = 10  # times what one network may, for the /48 around an IPv6 network

# After these nobody knows whether the attempt was a good one.
_UNDECIDED = (Busy, SQLAlchemyError, DriverError)


class Limit(NamedTuple):
    """How many attempts there may be at one thing. Durations are in seconds."""

    name: str  # in the metrics
    digest: bytes  # of what is counted: no e-mail that somebody has tried is stored
    most: int  # the attempt of this number closes it
    memory: int  # counted for so long: from the first attempt, or with pauses from the last
    longest_pause: int | None = None  # with pauses that double, the longest; else closed until nothing counts any more


@contextmanager
def guess(db: Database, settings: Settings, kind: Kind, email: str, origin: Origin) -> Iterator[None]:
    """Count a guess at an account's password; the block raises what a wrong one is answered with, or returns.

    A success clears what its network has failed at this account. Networks that the account has signed in from within
    30 days pass the account's own limit. Raises TooManyAttempts.
    """
    email = email.lower()
    free, pause = settings.limit_free_attempts, settings.limit_longest_pause
    by_account = [
        Limit("account_and_network", _digest("guess", kind, email, place), free * times, pause + _DAY, pause)
        for place, times in _places(origin)
    ]
    by_network = [
        Limit("network", _digest("guess", place), settings.limit_network_failures * times, _QUARTER_OF_AN_HOUR)
        for place, times in _places(origin)
    ]
    limits = [*by_account, *by_network, _by_account(settings, kind, email)]
    found = {"email": email, "network": origin.network or None}
    counted = _count(db, limits, TooManyAttempts, COUNT_GUESS[kind], **found)
    with _given_back_if_undecided(db, counted):
        yield
    if counted:
        with db.reading() as conn:
            _forgive(conn, cleared=by_account, given_back=[limit for limit in counted if limit not in by_account])


@contextmanager
def request(
    db: Database, settings: Settings, name: Literal["registrations", "reset_requests"], origin: Origin
) -> Iterator[None]:
    """Count a registration or a request for a new password from a network, whatever the e-mail.

    Raises TooManyRequests.
    """
    limits = _by_network(settings, name, origin)
    with _given_back_if_undecided(db, _count(db, limits, TooManyRequests, COUNT_REQUEST)):
        yield


@contextmanager
def email_change(db: Database, settings: Settings, account: UUID, origin: Origin) -> Iterator[None]:
    """Count a customer's change of e-mail by the account; one that is refused as taken also as a registration.

    Raises TooManyRequests.
    """
    by_account = Limit("email_changes", _digest("email_changes", str(account)), settings.limit_email_changes, _HOUR)
    limits = [by_account, *_by_network(settings, "registrations", origin)]
    counted = _count(db, limits, TooManyRequests, COUNT_REQUEST)
    try:
        yield
    except EmailTaken:
        raise
    except Exception:
        _give_back(db, counted)
        raise
    _give_back(db, [limit for limit in counted if limit.name == "registrations"])


def _by_network(settings: Settings, name: str, origin: Origin) -> list[Limit]:
    most: int = getattr(settings, f"limit_{name}")
    return [Limit(name, _digest(name, place), most * times, _HOUR) for place, times in _places(origin)]


def _by_account(settings: Settings, kind: Kind, email: str) -> Limit:
    return Limit("account", _digest("guess", kind, email.lower()), settings.limit_account_failures, _HOUR)


def _places(origin: Origin) -> list[tuple[str, int]]:
    """Return the network of a request, and the /48 around an IPv6 one, with how many times as much each may."""
    site = site_of(origin.ip)
    return [(origin.network, 1), *([(site, _SITE)] if site else [])]


def _digest(*parts: str) -> bytes:
    # No part holds a line break: e-mails are printable.
    return hashlib.sha256("\n".join((str(len(parts)), *parts)).encode()).digest()


# The function's last argument is the number of the limit that a known network passes: the account's own. The network is
# looked for whether or not there is such an account, so that it takes the same time: 0 is nobody's id.
_COUNT = """
    SELECT counted.refused_by, counted.seconds, counted.is_first, known.passed
      FROM (SELECT %s AS passed) AS known,
           customers_count_attempt(CAST(:digests AS bytea[]), CAST(:most AS int[]), CAST(:longest AS int[]),
                                   CAST(:memory AS int[]), known.passed) AS counted
"""
COUNT_REQUEST = text(_COUNT % "CAST(NULL AS int)")
COUNT_GUESS = for_each_kind(
    _COUNT
    % """CASE WHEN EXISTS (
                SELECT
                  FROM login_network
                 WHERE {account_id} = coalesce((SELECT {account_id}
                                                  FROM {table}
                                                 WHERE customers_fold(email) = customers_fold(:email)), 0)
                   AND network = CAST(:network AS cidr)
                   AND last_login_at > now() - interval '30 days')
           THEN CAST(:account AS int) END"""
)


def _count(
    db: Database, limits: Sequence[Limit], error: type[TooManyRequests], statement: TextClause, **values: Any
) -> list[Limit]:
    """Count an attempt, and return the limits that have counted it. Raises the error when one of them is reached."""
    limits = [limit for limit in limits if limit.most]
    if not limits:
        return []
    values |= {
        "digests": [limit.digest for limit in limits],
        "most": [limit.most for limit in limits],
        "longest": [limit.longest_pause for limit in limits],
        "memory": [limit.memory for limit in limits],
    }
    if statement is not COUNT_REQUEST:
        values["account"] = next((number for number, limit in enumerate(limits, 1) if limit.name == "account"), None)
    with db.reading() as conn:
        found = conn.execute(statement, values).one()
    if found.refused_by is not None:
        metrics.limit_refusals.labels(limits[found.refused_by - 1].name).inc()
        raise error(found.seconds, is_first=found.is_first)
    return [limit for number, limit in enumerate(limits, 1) if number != found.passed]


@contextmanager
def _given_back_if_undecided(db: Database, counted: list[Limit]) -> Iterator[None]:
    try:
        yield
    except _UNDECIDED:
        _give_back(db, counted)
        raise


def _give_back(db: Database, counted: list[Limit]) -> None:
    if counted:
        # What cannot be given back now expires.
        with suppress(SQLAlchemyError), db.reading() as conn:
            _forgive(conn, given_back=counted)


# One row at a time in the order of the digests, as counting locks them, so that nobody waits in a circle.
FORGIVE = text("""
      WITH held AS MATERIALIZED (
           SELECT digest, attempts <= 1 OR digest = ANY(CAST(:cleared AS bytea[])) AS done
             FROM attempt_counter
            WHERE digest = ANY(CAST(:cleared AS bytea[]) || CAST(:given_back AS bytea[]))
            ORDER BY digest
              FOR UPDATE),
           gone AS (
           DELETE FROM attempt_counter
            USING held
            WHERE attempt_counter.digest = held.digest
              AND held.done)
    UPDATE attempt_counter
       SET attempts = attempts - 1,
           open_at = least(open_at, now())
      FROM held
     WHERE attempt_counter.digest = held.digest
       AND NOT held.done
""")


def _forgive(conn: Connection, *, cleared: Sequence[Limit] = (), given_back: Sequence[Limit] = ()) -> None:
    conn.execute(
        FORGIVE, {"cleared": [limit.digest for limit in cleared], "given_back": [limit.digest for limit in given_back]}
    )


def clear_account(conn: Connection, settings: Settings, kind: Kind, email: str) -> None:
    """Forget the failures at an account from wherever: its owner has proved to be the owner."""
    _forgive(conn, cleared=[_by_account(settings, kind, email)])


REMEMBER_NETWORK = for_each_kind("""
    INSERT INTO login_network AS known ({account_id}, network)
    VALUES (:account_id, CAST(:network AS cidr))
        ON CONFLICT ({account_id}, network) DO UPDATE
       SET last_login_at = now()
     WHERE known.last_login_at < now() - interval '1 day'
""")


def remember_network(conn: Connection, kind: Kind, account_id: int, origin: Origin) -> None:
    """Note that an account has signed in from a network; at most once a day."""
    if origin.network:
        conn.execute(REMEMBER_NETWORK[kind], {"account_id": account_id, "network": origin.network})
