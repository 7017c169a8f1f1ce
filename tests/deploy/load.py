"""Customers who read and write through nginx without a pause until they are to stop."""

import http.client
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from tests.conftest import ADDRESS
from tests.deploy.nginx import Nginx
from tests.support.service import ANN, wait_until


class Sent(NamedTuple):
    method: str
    path: str
    body: Any
    status: int  # 0: no answer
    said: Any


Step = Callable[..., Any]  # returns what was answered, or None if that is not what was asked for
DONE = (200, 201)


class Load:
    """What a number of customers do at once, each over a kept connection."""

    def __init__(self, nginx: Nginx) -> None:
        self.sent: list[Sent] = []
        self._nginx = nginx
        self._over = threading.Event()

    @contextmanager
    def running(self, customers: int, act: Callable[[Step], None]) -> Iterator[None]:
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

    def _go_on(self, act: Callable[[Step], None]) -> None:
        with closing(self._nginx.connect()) as connection:

            def step(method: str, path: str, body: Any = None, sid: str = "") -> Any:
                status, said = 0, None
                try:
                    answer = connection.call(method, path, body, {"X-Session-ID": sid} if sid else {})
                    status, said = answer.status, answer.body
                except (OSError, http.client.HTTPException) as error:
                    said = repr(error)
                    connection.close()  # the next request connects anew
                self.sent.append(Sent(method, path, body, status, said))
                return said if status in DONE else None

            while not self._over.is_set():
                act(step)

    def goes_on(self, more: int = 200) -> None:
        """Wait until so many more requests have been answered."""
        seen = len(self.sent)
        wait_until(lambda: len(self.sent) > seen + more, 240)

    def counted(self, method: str) -> int:
        """Return how many requests of a method were answered by what they asked for."""
        return len([sent for sent in self.sent if sent.method == method and sent.status in DONE])


def register(step: Step) -> None:
    """Register, and nothing else."""
    step("POST", "/api/customers", {**ANN, "email": f"{uuid.uuid4().hex}@example.com"})


def live(step: Step) -> None:
    """Register, sign in, read, change the name, add an address, list, sign out."""
    login = {**ANN, "email": f"{uuid.uuid4().hex}@example.com"}
    signed_in = step("POST", "/api/customers", login) and step("POST", "/customer/login", login)
    if not signed_in:
        return  # what follows would fail of that alone
    sid = signed_in["data"]["sid"]
    for number in range(5):
        step("GET", "/api/customers/me", None, sid)
        step("PATCH", "/api/customers/me", {"full_name": f"Ann {number}"}, sid)
    step("POST", "/api/customers/me/addresses", ADDRESS, sid)
    step("GET", "/api/customers/me/addresses", None, sid)
    step("GET", "/orders/", None, sid)
    step("POST", "/customers/logout", None, sid)
