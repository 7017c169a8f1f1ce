"""Passwords: hash, verify, refuse the common ones; and the bounded pool of threads that bcrypt runs in.

bcrypt is slow on purpose and releases the interpreter lock while it works. A few threads of lowered priority do all of
it, so that a rush of logins takes the processor time that nobody else wants, and requests that need no hashing stay
quick.
"""

import functools
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from customers.errors import Busy
from customers.metrics import Metrics

T = TypeVar("T")

MIN_CHARACTERS = 8
MAX_BYTES = 72  # bcrypt reads no further
UNUSABLE = "!"  # stands for the hash of an account that no password opens until it is given a new one

# $2b$ is what this service makes; $2a$, $2y$ and $2x$ come from elsewhere. The last character of a salt holds two bits;
# bcrypt raises where its other four are not zero.
_HASH = re.compile(r"\$2[abxy]\$(?P<cost>0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_OWN_PREFIX = "$2b$"

# What one hash at cost 12 takes on an ordinary processor, in seconds: a first guess, corrected by every hash made.
_SECONDS_AT_COST_12 = 0.25
_GUESS_WEIGHT = 0.2

# Threads may all wait for so long, in seconds, without anybody calling the service slow.
_NO_TIME = 1.0


@functools.cache
def _common() -> frozenset[str]:
    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_CHARACTERS)


def is_common(password: str) -> bool:
    """Return whether a password is, in whatever case, among the 30,000 most used (ASVS 5.0, 6.2.4)."""
    return password.lower() in _common()


def cost(hashed: str | None) -> int | None:
    """Return a bcrypt hash's cost, or None for what is not one."""
    match = _HASH.fullmatch(hashed or "")
    return int(match["cost"]) if match else None


def _lower_priority() -> None:
    # On Linux this is the priority of the calling thread alone (sched(7)); elsewhere it would be the whole process's.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


class Hasher:
    """bcrypt at one cost, in a bounded pool of threads.

    There are two bounds. The queue takes a job only if those before it are expected to be done within ``max_wait``
    seconds, by what recent jobs took. And it has ``places``, fewer than there are threads that serve requests, so that
    some are always left for requests that need no hashing; where hashing is so cheap that all of the queue is done in
    no time, the places do not count.
    """

    def __init__(
        self, rounds: int, metrics: Metrics | None = None, threads: int = 1, max_wait: float = 5.0, places: int = 48
    ) -> None:
        self._rounds = rounds
        self._metrics = metrics or Metrics()
        self._threads = threads
        self._max_wait = max_wait
        self._places = places
        self._job_seconds = _SECONDS_AT_COST_12 * 2.0 ** (rounds - 12)
        self._jobs = 0
        self._lock = threading.Lock()
        # Makes its threads when the first job comes, so that a process may fork before.
        self._pool = ThreadPoolExecutor(threads, "bcrypt", _lower_priority)

    @property
    def jobs(self) -> int:
        """How many threads wait for a hash at present."""
        return self._jobs

    def hash(self, password: str) -> str:
        """Return the bcrypt hash of a password of at most 72 bytes. Raises Busy."""
        return self._run(lambda: self._hash(password))

    def verify(self, password: str, hashed: str | None) -> bool:
        """Return whether a password is the one that was hashed; None stands for an account that does not exist.

        A refusal costs the work of one hash at the set cost, whatever it is refused for: no account, no usable hash,
        a cheaper hash, a password too long. For a disabled account, too, pass None. Raises Busy.
        """
        return self._run(lambda: self._verify(password.encode(), hashed))

    def hash_all(self, plain: Iterable[str]) -> list[str]:
        """Return the hashes of many passwords, made by all threads; nobody is refused. For bulk work by itself."""
        return list(self._pool.map(self._hash, plain))

    def match_all(self, pairs: Iterable[tuple[str, str]]) -> list[bool]:
        """Return for many passwords and hashes whether they belong together, likewise."""
        return list(self._pool.map(lambda pair: self._verify(pair[0].encode(), pair[1]), pairs))

    def renewed(self, password: str, hashed: str) -> str | None:
        """Return a new hash of a password just verified, if the old one is weaker than the set cost, else None.

        A password over 72 bytes keeps its foreign hash, which was made of the first 72; a new one must be shorter.
        Nor is there a new hash while the pool is busy: the login is what matters, and the next one will do.
        """
        if (cost(hashed) or 0) >= self._rounds or len(password.encode()) > MAX_BYTES:
            return None
        try:
            return self.hash(password)
        except Busy:
            return None

    def _hash(self, password: str) -> str:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._rounds)).decode()

    def _verify(self, password: bytes, hashed: str | None) -> bool:
        own = cost(hashed)
        if hashed is not None and own is not None:
            # bcryptjs and its like cut at 72 bytes when they made the hash; a password of ours was never longer.
            if not hashed.startswith(_OWN_PREFIX):
                password = password[:MAX_BYTES]
            if len(password) <= MAX_BYTES and bcrypt.checkpw(password, hashed.encode()):
                return True
        # 2^c + (2^c + 2^(c+1) + … + 2^(n-1)) = 2^n: a cheaper hash is topped up to the work of the set cost.
        spent_at = own if own is not None and len(password) <= MAX_BYTES else None
        for rounds in [self._rounds] if spent_at is None else range(spent_at, self._rounds):
            bcrypt.hashpw(password[:MAX_BYTES], bcrypt.gensalt(rounds))
        return False

    def _run(self, job: Callable[[], T]) -> T:
        with self._lock:
            wait = self._jobs * self._job_seconds / self._threads
            if wait > self._max_wait or (self._jobs >= self._places and wait > _NO_TIME):
                self._metrics.hashing_refused()
                raise Busy(retry_after=math.ceil(wait))
            self._jobs += 1
        began = time.perf_counter()
        self._metrics.hashing(1)
        try:
            return self._pool.submit(self._timed, job).result()
        finally:
            self._metrics.hashing(-1)
            self._metrics.hashed(time.perf_counter() - began)

    def _timed(self, job: Callable[[], T]) -> T:
        # Of processor time: what a job waits for others belongs to their jobs, or to nobody's.
        began = time.thread_time()
        try:
            return job()
        finally:
            took = time.thread_time() - began
            with self._lock:
                self._jobs -= 1
                self._job_seconds += (took - self._job_seconds) * _GUESS_WEIGHT
