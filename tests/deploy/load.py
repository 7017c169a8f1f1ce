"""Customers who read and write through nginx without a pause, each over a kept connection, until they are to stop."""

import http.client
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.conftest import ADDRESS, PASSWORD
from tests.deploy.front import Front
from tests.deploy.nginx import Answer


class Sent(NamedTuple):
    """A request and what became of it. Times are those of time.monotonic()."""

    method: str
    path: str
    began: float
    ended: float
    status: int  # 0: no answer
    said: str
    wanted: str  # what was to be created

    @property
    def done(self) -> bool:
        """Whether it was answered by what it asked for."""
        return self.status in (200, 201)


Step = Callable[[str, str, Any], Answer | None]


class Load:
    """What a number of customers do at once."""

    def __init__(self, front: Front) -> None:
        self.sent: list[Sent] = []
        self._front = front
        self._over = threading.Event()

    @contextmanager
    def running(self, customers: int, act: Callable[["Load", Step], None]) -> Iterator[None]:
        """Have customers act again and again while the block runs."""
        threads = [threading.Thread(target=self._go_on, args=(act,)) for _ in range(customers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)

    def _go_on(self, act: Callable[["Load", Step], None]) -> None:
        connection = self._front.nginx.connect()

        def step(method: str, path: str, body: Any = None, sid: str = "") -> Answer | None:
            began, headers = time.monotonic(), {"X-Session-ID": sid} if sid else {}
            wanted = body["email"] if isinstance(body, dict) and "email" in body else ""
            try:
                answer = connection.call(method, path, body, headers)
                status, said = answer.status, answer.text
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                answer, status, said = None, 0, repr(error)
            self.sent.append(Sent(method, path, began, time.monotonic(), status, said, wanted))
            return answer

        while not self._over.is_set():
            act(self, step)
        connection.close()

    def new_email(self) -> str:
        """Return an address that nobody has."""
        return f"{uuid.uuid4().hex}@example.com"

    def failed(self) -> list[Sent]:
        """Return the requests that were not answered by what they asked for."""
        return [sent for sent in self.sent if not sent.done]

    def counted(self, method: str) -> int:
        """Return how many requests of a method were answered."""
        return len([sent for sent in self.sent if sent.method == method and sent.done])


def register(load: Load, step: Step) -> None:
    """Register, and nothing else."""
    step("POST", "/api/customers", {"email": load.new_email(), "password": PASSWORD, "full_name": "Ann"})


def live(load: Load, step: Any) -> None:
    """Register, sign in, read, change the name, add an address, list, sign out."""
    email = load.new_email()
    created = step("POST", "/api/customers", {"email": email, "password": PASSWORD, "full_name": "Ann"})
    if created is None or created.status != 201:
        return  # what follows would fail of that alone
    login = step("POST", "/customer/login", {"email": email, "password": PASSWORD})
    if login is None or login.status != 200:
        return  # likewise
    sid = login.body["data"]["sid"]
    for number in range(5):
        step("GET", "/api/customers/me", None, sid)
        step("PATCH", "/api/customers/me", {"full_name": f"Ann {number}"}, sid)
    step("POST", "/api/customers/me/addresses", ADDRESS, sid)
    step("GET", "/api/customers/me/addresses", None, sid)
    step("GET", "/orders/", None, sid)
    step("POST", "/customers/logout", None, sid)
