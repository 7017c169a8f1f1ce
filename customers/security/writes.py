"""A bound on the writes of one customer, so that nobody fills the database by changing an address back and forth.

Each worker counts for itself, in memory, so that a write does not need a second one. The bound is against floods and
not exact: a customer with several sessions gets one more write for each.
"""

import threading
import time
from collections import Counter

from customers.errors import TooManyRequests
from customers.security.callers import Claim
from customers.telemetry import metrics

_WINDOW = 60  # seconds


class WriteBound:
    """How many writes each customer has made in this minute."""

    def __init__(self, most: int) -> None:
        """``most`` is how many a customer may make in a minute; 0 for any number."""
        self._most = most
        self._lock = threading.Lock()
        self._window = 0
        self._writes: Counter[int] = Counter()
        self._closed: set[bytes] = set()  # the sessions of customers who have made as many

    def refuse(self, claim: Claim) -> None:
        """Raise TooManyRequests for a session whose customer has made too many writes in this minute."""
        now = time.time()
        if not claim.has_admin_cookie and claim.customer_digest in self._closed and self._window == now // _WINDOW:
            metrics.limit_refusals.labels("writes").inc()
            raise TooManyRequests(retry_after=int(_WINDOW - now % _WINDOW) + 1)

    def count(self, claim: Claim) -> None:
        """Count a write that a customer has made; those of admins count for nothing."""
        customer = claim.caller.customer
        if not self._most or customer is None or claim.caller.admin is not None:
            return
        with self._lock:
            window = int(time.time() // _WINDOW)
            if window != self._window:
                self._window = window
                self._writes.clear()
                self._closed.clear()
            self._writes[customer.account_id] += 1
            if self._writes[customer.account_id] >= self._most:
                self._closed.add(customer.digest)
