"""The replica, which may serve what need not be of this moment; the primary does whenever it cannot."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from psycopg import errors as pg_errors
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from customers.config import Settings
from customers.database import Database

T = TypeVar("T")

log = logging.getLogger(__name__)

_PAUSE = 10.0  # seconds for which a replica that is away is left alone


class Replica:
    """A streaming replica. While it is away, one request every ten seconds finds out whether it is back."""

    def __init__(self, url: str, settings: Settings) -> None:
        # The primary can serve instead, so nobody waits here as long as for that. Psycopg takes less than 2 for 2.
        impatient = replace(settings, connect_timeout=min(2, settings.connect_timeout), pool_timeout=1.0)
        self.database = Database(lambda: url, impatient)
        self._lock = threading.Lock()
        self._away = False
        self._next_try = 0.0

    def read(self, question: Callable[[Connection], T | None]) -> T | None:
        """Return what the question, asked of the replica, returns; None if the primary is to be asked."""
        if not self._may_try():
            return None
        try:
            with self.database.reading() as conn:
                answer = question(conn)
        except SQLAlchemyError as error:
            # What takes too long here takes too long there: asking once more would double the load.
            if isinstance(error, DBAPIError) and isinstance(error.orig, pg_errors.QueryCanceled):
                raise
            self._leave(error)
            return None
        self._come_back()
        return answer

    def _may_try(self) -> bool:
        with self._lock:
            if not self._away:
                return True
            now = time.monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + _PAUSE  # the others go on to the primary while this one tries
            return True

    def _leave(self, error: SQLAlchemyError) -> None:
        with self._lock:
            known, self._away = self._away, True
            self._next_try = time.monotonic() + _PAUSE
        if not known:
            cause = getattr(error, "orig", None) or error
            log.warning("the replica is away, the primary serves instead: %s", " ".join(str(cause).split()))

    def _come_back(self) -> None:
        if not self._away:
            return
        with self._lock:
            known, self._away = self._away, False
        if known:
            log.info("the replica serves again")
