"""Limits on guessing and flooding: attempts are counted in PostgreSQL, before anything is hashed.

An attempt is counted by all of its limits or by none. Of guesses at a password, failures stay counted; a success clears
or gives back what it counted. Registrations and reset requests all stay. Of changes of e-mail those stay that succeed,
or whose e-mail is taken. If an error keeps an attempt from being decided (the service was busy, the database failed),
its count is given back.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Literal, NamedTuple
from uuid import UUID

from psycopg import Error as DriverError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from customers.config import Settings
from customers.db.engine import Database
from customers.errors import Busy, EmailTaken, ServiceError, TooManyRequests
from customers.security.callers import Origin
from customers.security.networks import site_of
from customers.telemetry import metrics

_HOUR = 60 * 60
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
def request(
    db: Database, settings: Settings, name: Literal["registrations", "reset_requests"], origin: Origin
) -> Iterator[None]:
    """Count a registration or a request for a new password from a network, whatever the e-mail.

    Raises TooManyRequests.
    """
    limits = _by_network(settings, name, origin)
    with given_back_if_undecided(db, _count(db, limits)):
        yield


@contextmanager
def email_change(db: Database, settings: Settings, account: UUID, origin: Origin) -> Iterator[None]:
    """Count a customer's change of e-mail by the account; one that is refused as taken also as a registration.

    Raises TooManyRequests.
    """
    by_account = Limit("email_changes", digest("email_changes", str(account)), settings.limit_email_changes, _HOUR)
    limits = [by_account, *_by_network(settings, "registrations", origin)]
    counted = _count(db, limits)
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
    return [Limit(name, digest(name, place), most * times, _HOUR) for place, times in places(origin)]


def places(origin: Origin) -> list[tuple[str, int]]:
    """Return the network of a request, and the /48 around an IPv6 one, with how many times as much each may."""
    site = site_of(origin.ip)
    return [(origin.network, 1), *([(site, _SITE)] if site else [])]


def digest(*parts: str) -> bytes:
    """Return what a limit counts by, of the parts of its name."""
    # No part holds a line break: e-mails are printable.
    return hashlib.sha256("\n".join((str(len(parts)), *parts)).encode()).digest()


# What a statement that counts an attempt says of it. Its parameters are those of counting(), and the number of a limit
# that is passed.
COUNTED = "counted.refused_by, counted.seconds, counted.is_first"
COUNTING = """customers_count_attempt(CAST(:digests AS bytea[]), CAST(:most AS int[]), CAST(:longest AS int[]),
                                    CAST(:memory AS int[]), %s) AS counted"""

COUNT = text(f"""
    SELECT {COUNTED}
      FROM {COUNTING % "NULL"}
""")


def counting(limits: Sequence[Limit]) -> dict[str, str]:
    """Return the parameters of a statement that counts an attempt by limits."""
    return {
        "digests": _digests(limits),
        "most": _array(str(limit.most) for limit in limits),
        "longest": _array("NULL" if limit.longest_pause is None else str(limit.longest_pause) for limit in limits),
        "memory": _array(str(limit.memory) for limit in limits),
    }


def _array(elements: Iterable[str]) -> str:
    """Return an array as PostgreSQL reads it: psycopg takes longer to write one than to execute the statement."""
    return f"{{{','.join(elements)}}}"


def _digests(limits: Iterable[Limit]) -> str:
    return _array(rf'"\\x{limit.digest.hex()}"' for limit in limits)


def refusal(limits: Sequence[Limit], error: type[ServiceError], refused_by: int, seconds: int) -> ServiceError:
    """Return the error for what a statement says of an attempt that a limit refuses, and count it in the metrics."""
    metrics.limit_refusals.labels(limits[refused_by - 1].name).inc()
    return error(retry_after=seconds)


def _count(db: Database, limits: Sequence[Limit]) -> list[Limit]:
    """Count an attempt, and return the limits that have counted it. Raises TooManyRequests when one is reached."""
    in_force = [limit for limit in limits if limit.most]
    if in_force:
        refused_by, seconds, _ = db.one(COUNT, counting(in_force))
        if refused_by is not None:
            raise refusal(in_force, TooManyRequests, refused_by, seconds)
    return in_force


@contextmanager
def given_back_if_undecided(db: Database, counted: Sequence[Limit]) -> Iterator[None]:
    """Give an attempt back to the limits that have counted it, if an error keeps the block from deciding it."""
    try:
        yield
    except _UNDECIDED:
        _give_back(db, counted)
        raise


def _give_back(db: Database, counted: Sequence[Limit]) -> None:
    if counted:
        # What cannot be given back now expires.
        with suppress(DriverError, SQLAlchemyError):
            db.one(FORGIVE, forgiving(given_back=counted))


FORGIVING = "customers_forgive_attempts(CAST(:cleared AS bytea[]), CAST(:given_back AS bytea[]))"
FORGIVE = text(f"SELECT {FORGIVING}")


def forgiving(*, cleared: Sequence[Limit] = (), given_back: Sequence[Limit] = ()) -> dict[str, str]:
    """Return the parameters of a statement that forgives: what is forgotten, and what counts one attempt less."""
    return {"cleared": _digests(cleared), "given_back": _digests(given_back)}
