"""What an Idempotency-Key makes of a request that creates (CONTRACT section 10).

An act that creates takes a Once, and calls it in its own transaction: begin() first, record() when the thing is there.
So the thing and the remembered answer are committed together, or neither is; a crash leaves nothing in between.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Row

from customers.errors import IdempotencyKeyReused, RequestInProgress
from customers.idempotency import sql
from customers.resources import Resources


class Rendered(Protocol):
    """What is answered: flask's Response, as far as it matters here."""

    status_code: int
    headers: Any

    def get_data(self, *, as_text: bool) -> Any:
        """Return the body."""


R = TypeVar("R", bound=Rendered)


@dataclass(frozen=True)
class Key:
    """One request's key, as the database knows it."""

    digest: bytes  # of who calls and the key
    body_digest: bytes  # of what is asked for, keyed: it may be a password


@dataclass(frozen=True)
class Answer:
    """A remembered answer."""

    status: int
    headers: dict[str, str]
    body: str


class Replayed(Exception):  # not an error: it carries the answer out of the act that need not run
    """The first request with this key has been answered already."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def key(resources: Resources, caller: str, value: str, request: bytes) -> Key:
    """Return the key of a request: who calls, the header's value, and all of what is asked for."""
    secret = resources.settings.secret_key.encode()
    return Key(
        digest=hashlib.sha256(f"{caller}\n{value}".encode()).digest(),
        body_digest=hmac.digest(secret, request, "sha256"),
    )


class Once(Generic[R]):
    """One run of an act that creates, with or without a key."""

    def __init__(self, render: Callable[[Row[Any]], R], key: Key | None = None) -> None:
        self._render = render
        self._key = key
        self._rendered: R | None = None

    def begin(self, conn: Connection) -> None:
        """Claim the key for this transaction.

        Raises Replayed when the answer is there, IdempotencyKeyReused when it is another request's, and
        RequestInProgress while another transaction is at work on it.
        """
        if self._key is not None:
            if not sql.claim(conn, self._key.digest):
                raise RequestInProgress()
            replay(conn, self._key)

    def record(self, conn: Connection, row: Row[Any]) -> None:
        """Render the answer for what was created, and remember it if there is a key."""
        self._rendered = self._render(row)
        if self._key is not None:
            kept = {name: value for name, value in self._rendered.headers.items() if name in ("Location", "ETag")}
            sql.remember(
                conn,
                self._key.digest,
                body_digest=self._key.body_digest,
                status=self._rendered.status_code,
                headers=json.dumps(kept),
                body=self._rendered.get_data(as_text=True),
                customer_id=row._mapping.get("customer_id"),
            )

    @property
    def answer(self) -> R:
        """The answer that record() rendered."""
        assert self._rendered is not None, "the act has recorded what it created"
        return self._rendered


def replay(conn: Connection, key: Key) -> None:
    """Raise Replayed when the answer is there, or IdempotencyKeyReused when it is another request's; else return."""
    stored = sql.find(conn, key.digest)
    if stored is None:
        return
    if not hmac.compare_digest(stored.body_digest, key.body_digest):
        raise IdempotencyKeyReused()
    raise Replayed(Answer(stored.status, stored.headers, stored.body))


def look(resources: Resources, key: Key) -> None:
    """As replay(), before anything dear is done for the request."""
    with resources.database.reading() as conn:
        replay(conn, key)
