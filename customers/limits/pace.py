"""What is shed leaves at a bounded rate.

A refusal costs next to nothing, so whoever asks again at once could be refused a thousand times a second, and those who
are served would wait behind that. Here the refused wait instead, a moment each: a few at a time notice nothing.
"""

import threading
import time

PER_SECOND = 50  # a refusal takes some two milliseconds, so a tenth of a processor


class Pace:
    """The turns of one worker's refusals."""

    def __init__(self, places: int, per_second: float = PER_SECOND) -> None:
        """``places`` is how many threads may wait, of those that serve requests: some must stay free."""
        self._places = places
        self._seconds = 1 / per_second
        self._waiting = 0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, others: int) -> None:
        """Wait for one's turn: less than a second, at 50 a second and 48 places.

        ``others`` is how many places are taken by threads that wait for something else. If none is left, nobody waits.
        """
        with self._lock:
            if self._waiting + others >= self._places:
                return
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._seconds
            self._waiting += 1
        try:
            time.sleep(turn - now)
        finally:
            with self._lock:
                self._waiting -= 1
