"""Password hashes: bcrypt in a bounded pool of threads.

bcrypt is slow on purpose, and releases the interpreter lock. A few threads of lowered priority do all of it, so that
requests that hash nothing stay quick in a rush of logins.
"""

import logging
import math
import os
import re
import sys
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import bcrypt

from customers.errors import Busy
from customers.rules import PASSWORD_BYTES
from customers.telemetry import metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

UNUSABLE = "!"  # stands for the hash of an account that no password opens until it is given a new one
HIGHEST_COST = 14  # a dearer hash made elsewhere would let one login take the time of many

# $2b$ is what this service makes; $2a$ and $2y$ come from elsewhere. $2x$ marks hashes of a broken implementation. The
# last character of a salt holds two bits; bcrypt raises where its other four are not zero.
_HASH = re.compile(r"\$2[aby]\$(?P<cost>0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_OWN_PREFIX = "$2b$"

_SECONDS_AT_COST_12 = 0.25  # what one hash takes on an ordinary processor
# How long, in seconds, a hash may wait in the queue before more requests are refused as busy.
_ACCEPTABLE_WAIT = 1.0


# EverShop escapes these parts of a JSON body before it hashes a password (its base/services/escapePayload).
_TAG = re.compile(r"<[a-zA-Z]+(?:\s[^>]*)?>|</[a-zA-Z]+>")


def escaped(password: str) -> str:
    """Return a password as EverShop hashes it: with what looks like a tag of HTML escaped."""
    # Where no ">" follows, each "<a " would be searched from to the end, which takes quadratic time.
    tags, end, rest = password.rpartition(">")
    return _TAG.sub(lambda tag: tag[0].replace("<", "&lt;").replace(">", "&gt;"), tags + end) + rest


def cost(hashed: str | None) -> int | None:
    """Return a bcrypt hash's cost; None for what opens nothing: no hash, `$2x$`, or a cost above 14."""
    match = _HASH.fullmatch(hashed or "")
    found = int(match["cost"]) if match else None
    return None if found is None or found > HIGHEST_COST else found


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process's (sched(7))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


class Hasher:
    """bcrypt at one cost, in a bounded pool of threads.

    The queue takes a job if one of its ``places`` is free, so that some threads are left for requests that hash
    nothing. Where all of the queue should be done within a second, places do not count.
    """

    def __init__(self, rounds: int, threads: int = 1, places: int = 12, *, escapes: bool = False) -> None:
        self._rounds = rounds
        self._escapes = escapes  # whether an EverShop has made hashes
        self._threads = threads
        self._places = places
        self._job_seconds = _SECONDS_AT_COST_12 * 2.0 ** (rounds - 12)
        self._jobs = 0
        self._by_network: Counter[str] = Counter()
        self._lock = threading.Lock()
        # Makes its threads when the first job comes, so that a process may fork before.
        self._pool = ThreadPoolExecutor(threads, "bcrypt", _lower_priority)

    @contextmanager
    def place(self, network: str | None) -> Iterator[None]:
        """Hold a place of the queue for a network while its request is counted and hashed. None: without a bound.

        One network gets at most a third of the places, so that its own logins cannot keep everybody else out.
        Raises Busy.
        """
        if network is None:
            yield
            return
        with self._lock:
            if self._by_network[network] >= max(2, self._places // 3):
                self._refuse_if_slow()
            self._by_network[network] += 1
        try:
            yield
        finally:
            with self._lock:
                self._by_network[network] -= 1
                if not self._by_network[network]:
                    del self._by_network[network]

    def hash(self, password: str) -> str:
        """Return the bcrypt hash of a password of at most 72 bytes, in Unicode form NFC. Raises Busy."""
        return self._run(lambda: self._hash(password))

    def verify(self, password: str, hashed: str | None) -> bool:
        """Return whether a password is the one that was hashed; None stands for no account, or a disabled one.

        A refusal costs the work of one hash at the set cost, whatever it is refused for. Raises Busy.
        """
        if hashed not in (None, UNUSABLE) and cost(hashed) is None:
            log.warning("a stored hash is not bcrypt of cost %d or less, and opens nothing", HIGHEST_COST)
        return self._run(lambda: self._verify(password, hashed))

    def hash_all(self, plain: Iterable[str]) -> list[str]:
        """Return the hashes of many passwords, made by all threads; nobody is refused. For bulk work."""
        return list(self._pool.map(self._hash, plain))

    def match_all(self, pairs: Iterable[tuple[str, str]]) -> list[bool]:
        """Return for many passwords and hashes whether they belong together, likewise."""
        return list(self._pool.map(lambda pair: self._verify(*pair), pairs))

    def renewed(self, password: str, hashed: str) -> str | None:
        """Return a new hash of a password just verified if the old one is weaker than the set cost, else None.

        A password over 72 bytes keeps its foreign hash, which was made of the first 72.
        """
        password = unicodedata.normalize("NFC", password)
        if (cost(hashed) or 0) >= self._rounds or len(password.encode()) > PASSWORD_BYTES:
            return None
        if self._escapes and escaped(password) != password:
            return None  # EverShop's own login would take it no more
        try:
            return self.hash(password)
        except Busy:
            return None

    def _hash(self, password: str) -> str:
        return bcrypt.hashpw(unicodedata.normalize("NFC", password).encode(), bcrypt.gensalt(self._rounds)).decode()

    def _verify(self, password: str, hashed: str | None) -> bool:
        # As NFC, and as typed: hashes made elsewhere are of what the browser sent, or of what EverShop made of that.
        spellings = dict.fromkeys((unicodedata.normalize("NFC", password), password))
        if self._escapes:
            spellings[escaped(password)] = None
        matched = [self._verify_one(spelling.encode(), hashed) for spelling in spellings]
        return any(matched)

    def _verify_one(self, password: bytes, hashed: str | None) -> bool:
        own = cost(hashed)
        if hashed is not None and own is not None:
            # bcryptjs and its like cut at 72 bytes when they made the hash; a password of ours was never longer.
            if not hashed.startswith(_OWN_PREFIX):
                password = password[:PASSWORD_BYTES]
            if len(password) <= PASSWORD_BYTES and bcrypt.checkpw(password, hashed.encode()):
                return True
        # 2^c + (2^c + 2^(c+1) + … + 2^(n-1)) = 2^n: a cheaper hash is topped up to the work of the set cost.
        spent_at = own if own is not None and len(password) <= PASSWORD_BYTES else None
        for rounds in [self._rounds] if spent_at is None else range(spent_at, self._rounds):
            bcrypt.hashpw(password[:PASSWORD_BYTES], bcrypt.gensalt(rounds))
        return False

    def _refuse_if_slow(self) -> None:
        wait = self._jobs * self._job_seconds / self._threads
        if wait > _ACCEPTABLE_WAIT:
            metrics.hashing_refusals.inc()
            raise Busy(retry_after=math.ceil(wait))

    def _run(self, job: Callable[[], T]) -> T:
        with self._lock:
            if self._jobs >= self._places:
                self._refuse_if_slow()
            self._jobs += 1
        began = time.perf_counter()
        metrics.hashing_jobs.inc()
        try:
            return self._pool.submit(job).result()
        finally:
            with self._lock:
                self._jobs -= 1
            metrics.hashing_jobs.dec()
            metrics.hashing_seconds.observe(time.perf_counter() - began)
