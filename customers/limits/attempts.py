"""Counting attempts. They are counted before they are looked at, so that of many at once no more begin than may.

Each is a ``with`` block around what the attempt is to cost. How it ends says what becomes of the count: an answer that
is the attempt's own fault leaves it, one that says nothing of the attempt gives it back.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from customers.errors import Busy, LimitReached, RequestInProgress, TooManyAttempts, TooManyRequests
from customers.idempotency.once import Replayed
from customers.identity import Kind
from customers.limits import rules, sql
from customers.limits.rules import Limit
from customers.resources import Resources

# After these nobody knows whether the attempt was a good one: nothing was looked at, or somebody else's was.
_UNDECIDED = (Busy, SQLAlchemyError, Replayed, RequestInProgress)

# How long an attempt may be under way beside the wait for its hash, in seconds; after that its process must have died.
_UNDER_WAY = 30


@dataclass(frozen=True)
class _Counted:
    """An attempt that has been counted: under these digests, of which some have closed."""

    digests: Sequence[bytes] = ()
    closes: Sequence[bytes] = ()


@contextmanager
def guess(resources: Resources, kind: Kind, email: str, network: str) -> Iterator[None]:
    """Count a guess at an account's password: the block raises what a wrong one is answered with, or returns.

    A success clears what this network has failed at this account, and leaves the failures of others. Raises
    TooManyAttempts, before the block and before anybody has looked whether there is such an account; and Busy, where so
    many guesses are under way that it is not known yet.
    """
    limits = rules.of_guesses(resources.settings, kind, email, network)
    settle = math.ceil(resources.settings.hash_max_wait) + _UNDER_WAY
    counted = _count(
        resources, limits, TooManyAttempts, settle=settle, kind=kind, address=email.lower(), network=network or None
    )
    with _attempt(resources, counted):
        yield
    own = next((limit.digest for limit in limits if limit.name == "account_and_network"), None)
    _give_back(resources, counted, own)


@contextmanager
def registration(resources: Resources, network: str | None) -> Iterator[None]:
    """Count a registration from a network, also one of an address that is taken; None: not counted.

    Raises TooManyRequests.
    """
    limits = [] if network is None else rules.of_registrations(resources.settings, network)
    with _attempt(resources, _count(resources, limits, TooManyRequests)):
        yield


@contextmanager
def reset_request(resources: Resources, network: str | None) -> Iterator[None]:
    """Count a request for a new password from a network, whatever the address; None: not counted.

    Raises TooManyRequests.
    """
    limits = [] if network is None else rules.of_reset_requests(resources.settings, network)
    with _attempt(resources, _count(resources, limits, TooManyRequests)):
        yield


def _count(
    resources: Resources,
    limits: Sequence[Limit],
    error: type[LimitReached],
    *,
    settle: int = 0,
    kind: Kind | None = None,
    address: str | None = None,
    network: str | None = None,
) -> _Counted:
    """Count an attempt by its limits. Raises the error, or Busy."""
    if not limits:
        return _Counted()
    own = next((number for number, limit in enumerate(limits, 1) if limit.name == "account"), None)
    with resources.database.reading() as conn:
        found = sql.count(
            conn,
            digests=[limit.digest for limit in limits],
            most=[limit.most for limit in limits],
            longest=[limit.longest_pause for limit in limits],
            memory=[limit.memory for limit in limits],
            settle=settle,
            own=own,
            kind=kind,
            address=address,
            network=network,
        )
    if found.unsettled:
        raise Busy()
    if found.refused_by is not None:
        resources.metrics.limit_reached(limits[found.refused_by - 1].name)
        raise error(found.seconds, is_first=found.is_first)
    by = [limit.digest for limit in limits if not (found.passed and limit.name == "account")]
    return _Counted(by, found.closes)


@contextmanager
def _attempt(resources: Resources, counted: _Counted) -> Iterator[None]:
    """Run the block of an attempt, and give it back if that cannot say whether it was a good one."""
    try:
        yield
    except _UNDECIDED:
        _give_back(resources, counted)
        raise
    except Exception:
        if counted.closes:
            with suppress(SQLAlchemyError), resources.database.reading() as conn:
                sql.settle(conn, counted.closes)
        raise


def _give_back(resources: Resources, counted: _Counted, cleared: bytes | None = None) -> None:
    if counted.digests:
        # What cannot be given back now expires; what the caller is answered is decided already.
        with suppress(SQLAlchemyError), resources.database.reading() as conn:
            sql.give_back(conn, counted.digests, cleared)
