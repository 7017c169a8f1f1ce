"""Guesses at a password: counted before anything is hashed; refused ones are recorded in the audit trail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from customers.config import Settings
from customers.db.engine import Database
from customers.errors import InvalidCredentials, TooManyAttempts, WrongPassword
from customers.security import limits, trail
from customers.security.callers import Actor, Kind, Origin
from customers.security.kinds import for_each_kind
from customers.security.limits import Limit
from customers.security.trail import Event, Subject

_QUARTER_OF_AN_HOUR, _HOUR, _DAY = 15 * 60, 60 * 60, 24 * 60 * 60


class Found(NamedTuple):
    """The account that an e-mail signs in to, with its hash. Feeds no answer."""

    account_id: int
    uuid: UUID
    email: str
    password: str
    enabled: bool


class Guess:
    """A guess that has been counted."""

    def __init__(self, account: Found | None, *, cleared: list[Limit], given_back: list[Limit]) -> None:
        self.account = account
        self.forgiving = limits.forgiving(cleared=cleared, given_back=given_back)  # for a statement that forgives
        self.forgiven = False  # whether such a statement has been executed


_ACCOUNT = """
    SELECT {account_id} AS account_id, uuid, email, password, {enabled} AS enabled
      FROM {table}
     WHERE customers_fold(email) = customers_fold(:email)
"""
FIND_ACCOUNT = for_each_kind(_ACCOUNT)


def find_account(db: Database, kind: Kind, email: str) -> Found | None:
    """Return the account that an e-mail signs in to, or None."""
    row = db.one_or_none(FIND_ACCOUNT[kind], {"email": email})
    return None if row is None else Found(*row)


# A known network is exempt from the account's own limit. It is looked for whether or not there is such an account, so
# that it takes the same time: 0 is nobody's id.
COUNT_GUESS = for_each_kind(f"""
    SELECT {limits.COUNTED}, known.passed, account.account_id, account.uuid, account.email,
           account.password, account.enabled
      FROM (VALUES (1)) AS one
      LEFT JOIN ({_ACCOUNT}) AS account
        ON true
     CROSS JOIN LATERAL (
           SELECT CASE WHEN EXISTS (
                       SELECT
                         FROM login_network
                        WHERE {{account_id}} = coalesce(account.account_id, 0)
                          AND network = CAST(:network AS cidr)
                          AND last_login_at > now() - interval '30 days')
                  THEN CAST(:account AS int) END AS passed) AS known
     CROSS JOIN LATERAL {limits.COUNTING % "known.passed"}
""")


@contextmanager
def counted(db: Database, settings: Settings, kind: Kind, email: str, actor: Actor, failure: Event) -> Iterator[Guess]:
    """Count a guess at an account's password, which the block checks.

    The block raises InvalidCredentials or WrongPassword for a wrong one, which is recorded as ``failure``. If it
    returns, what this network has failed at this account is cleared. A network that the account has signed in from
    within 30 days is exempt from the account's own limit. Raises TooManyAttempts if a limit refuses the guess, which is
    recorded once each time that the limit closes; and what the block raises.
    """
    pairs, singles = _limits(settings, kind, email, actor.origin)
    in_force = [*pairs, *singles]
    number = next((number for number, limit in enumerate(in_force, 1) if limit.name == "account"), None)
    values = {**limits.counting(in_force), "email": email, "network": actor.origin.network or None, "account": number}
    refused_by, seconds, is_first, passed, *columns = db.one(COUNT_GUESS[kind], values)
    account = None if columns[0] is None else Found(*columns)
    if refused_by is not None:
        if is_first:
            _record(db, kind, account, actor, "login_throttled")
        raise limits.refusal(in_force, TooManyAttempts, refused_by, seconds)
    given_back = [limit for limit in singles if limit.name != "account" or passed is None]
    guess = Guess(account, cleared=pairs, given_back=given_back)
    try:
        with limits.given_back_if_undecided(db, [*pairs, *given_back]):
            yield guess
    except (InvalidCredentials, WrongPassword):
        _record(db, kind, account, actor, failure)
        raise
    if not guess.forgiven:
        db.one(limits.FORGIVE, guess.forgiving)


def _limits(settings: Settings, kind: Kind, email: str, origin: Origin) -> tuple[list[Limit], list[Limit]]:
    """Return the limits in force for a guess: those of account and network together, and those of one of them alone."""
    email = email.lower()
    free, pause = settings.limit_free_attempts, settings.limit_longest_pause
    places = limits.places(origin)
    pairs = [
        Limit("account_and_network", limits.digest("guess", kind, email, place), free * times, pause + _DAY, pause)
        for place, times in places
    ]
    by_network = [
        Limit("network", limits.digest("guess", place), settings.limit_network_failures * times, _QUARTER_OF_AN_HOUR)
        for place, times in places
    ]
    singles = [*by_network, _of_account(settings, kind, email)]
    return [limit for limit in pairs if limit.most], [limit for limit in singles if limit.most]


def _of_account(settings: Settings, kind: Kind, email: str) -> Limit:
    return Limit("account", limits.digest("guess", kind, email.lower()), settings.limit_account_failures, _HOUR)


def _record(db: Database, kind: Kind, account: Found | None, actor: Actor, event: Event) -> None:
    """Record a refusal, before it is answered; the same work with or without an account."""
    subject = None if account is None else Subject(kind, account.uuid)
    with db.writing() as tx:
        trail.record(tx, actor, subject, {event: {"kind": kind}})


# Notes that an account has signed in from a network, at most once a day.
REMEMBERING = """INSERT INTO login_network AS known ({{account_id}}, network)
           SELECT {{account_id}}, CAST(:network AS cidr)
             FROM {source}
            WHERE CAST(:network AS cidr) IS NOT NULL
               ON CONFLICT ({{account_id}}, network) DO UPDATE
              SET last_login_at = now()
            WHERE known.last_login_at < now() - interval '1 day'"""
REMEMBER = for_each_kind(REMEMBERING.format(source="(SELECT CAST(:account_id AS int) AS {account_id}) AS account"))


def trust_owner(conn: Connection, settings: Settings, email: str, customer_id: int, origin: Origin) -> None:
    """Clear a customer's failure counters and remember the network: the caller has proved to be the owner."""
    pairs, _ = _limits(settings, "customer", email, origin)
    conn.execute(limits.FORGIVE, limits.forgiving(cleared=[*pairs, _of_account(settings, "customer", email)]))
    conn.execute(REMEMBER["customer"], {"account_id": customer_id, "network": origin.network or None})
