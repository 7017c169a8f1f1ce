"""How much guessing and flooding is borne."""

from dataclasses import dataclass

from customers import readers
from customers.environment import setting

_COUNT = readers.whole(0, 10**6)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much guessing and flooding is borne. 0 switches a limit off."""

    limit_free_attempts: int = setting(
        "CUSTOMERS_LIMIT_FREE_ATTEMPTS",
        _COUNT,
        5,
        "failed attempts at one account from one network before pauses, which double from a second; 0: no pauses",
    )
    limit_longest_pause: int = setting(
        "CUSTOMERS_LIMIT_LONGEST_PAUSE", readers.whole(1, 86400), 900, "the longest of these pauses"
    )
    limit_network_failures: int = setting(
        "CUSTOMERS_LIMIT_NETWORK_FAILURES", _COUNT, 30, "failed attempts from one network in 15 minutes; 0: no limit"
    )
    limit_account_failures: int = setting(
        "CUSTOMERS_LIMIT_ACCOUNT_FAILURES",
        _COUNT,
        100,
        "failed attempts at one account in an hour; then only networks it has signed in from; 0: no limit",
    )
    limit_registrations: int = setting(
        "CUSTOMERS_LIMIT_REGISTRATIONS", _COUNT, 20, "registrations from one network in an hour; 0: no limit"
    )
    limit_reset_requests: int = setting(
        "CUSTOMERS_LIMIT_RESET_REQUESTS",
        _COUNT,
        10,
        "requests for a new password from one network in an hour; 0: no limit",
    )
