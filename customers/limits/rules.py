"""What is limited, and how much of it there may be, as the settings say."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from customers.config import Settings
from customers.identity import Kind

Name = Literal["account_and_network", "network", "account", "registrations", "reset_requests"]

_QUARTER_OF_AN_HOUR, _HOUR, _DAY = 15 * 60, 60 * 60, 24 * 60 * 60


@dataclass(frozen=True)
class Limit:
    """How many attempts there may be at one thing. Durations are in seconds."""

    name: Name
    digest: bytes  # of what is counted
    most: int  # the attempt of this number closes it
    memory: int  # counted for so long: from the first attempt, or with pauses from the last
    longest_pause: int | None = None  # with pauses that double, the longest; else closed until nothing counts any more


def of_guesses(settings: Settings, kind: Kind, email: str, network: str) -> list[Limit]:
    """Return the limits on guesses at one account's password from one network; those set to 0 are off.

    A guess is counted by the address that it names, whether or not there is such an account.
    """
    email = email.lower()
    return _set(
        Limit(
            "account_and_network",
            _digest("guess", kind, email, network),
            settings.limit_free_attempts,
            settings.limit_longest_pause + _DAY,
            settings.limit_longest_pause,
        ),
        Limit("network", _digest("guess", network), settings.limit_network_failures, _QUARTER_OF_AN_HOUR),
        Limit("account", _digest("guess", kind, email), settings.limit_account_failures, _HOUR),
    )


def of_registrations(settings: Settings, network: str) -> list[Limit]:
    """Return the limits on registrations from one network."""
    return _set(Limit("registrations", _digest("registration", network), settings.limit_registrations, _HOUR))


def of_reset_requests(settings: Settings, network: str) -> list[Limit]:
    """Return the limits on requests for a new password from one network."""
    return _set(Limit("reset_requests", _digest("reset request", network), settings.limit_reset_requests, _HOUR))


def _set(*limits: Limit) -> list[Limit]:
    return [limit for limit in limits if limit.most]


def _digest(*parts: str) -> bytes:
    # No part holds a line break: addresses are printable.
    return hashlib.sha256("\n".join((str(len(parts)), *parts)).encode()).digest()
