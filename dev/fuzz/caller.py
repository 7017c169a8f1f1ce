"""Who calls the service while it is fuzzed: nobody known, a customer, or an admin."""

import itertools
from typing import Any

import requests

from dev.fuzz import shop

KINDS = ("anonymous", "customer", "admin")
# What ends the session that it is called with.
_ENDING = frozenset({"logout_customer", "logout_customer_alias", "logout_admin", "delete_customer", "end_one_session"})
_ADDRESS = {"full_name": "Ann", "address_1": "1 Main Street", "province": "IL", "country": "US", "postcode": "62701"}


class Caller:
    """One of KINDS. A customer registers anew whenever the last account is gone, and has addresses and sessions."""

    def __init__(self, kind: str, base: str) -> None:
        self.kind = kind
        self.sid: str | None = None
        self._base = base
        self._numbers = itertools.count()
        self._places = [{**shop.place(0), "uuid": "me"}]

    @property
    def signs_in(self) -> bool:
        """Whether this caller has an account."""
        return self.kind != "anonymous"

    def sign_in(self) -> str:
        """Return a sid that is good, of a new session if the last one has ended."""
        if self.sid is None:
            if self.kind == "customer":
                self._register()
            else:
                self.sid = self._post("/admin/user/login", email=shop.EXAMPLE)["sid"]
        assert self.sid, "just signed in"
        return self.sid

    def see(self, operation_id: str, status: int) -> None:
        """Learn how a call with the sid went: it may have ended the session, or found it ended."""
        if status == 401 or (status == 200 and operation_id in _ENDING):
            self.sid = None

    def place(self, number: int) -> dict[str, str]:
        """Return the uuids of a customer and of what belongs to it, for paths: for a customer mostly its own."""
        if self.kind == "customer" and number % 10:
            self.sign_in()
            return self._places[number % len(self._places)]
        return shop.place(number)

    def _register(self) -> None:
        email = f"fuzz{next(self._numbers)}@example.net"
        uuid = self._post("/api/customers", email=email, full_name="Ann")["uuid"]
        sids = [self._post("/customer/login", email=email)["sid"] for _ in range(3)]
        self.sid = sids[-1]
        addresses = [self._post(f"/api/customers/{uuid}/addresses", **_ADDRESS)["uuid"] for _ in range(3)]
        answer = requests.get(f"{self._base}/api/customers/me/sessions", headers={"X-Session-ID": self.sid}, timeout=30)
        others = [session["uuid"] for session in answer.json()["data"] if not session["current"]]
        self._places = [
            {"uuid": own, "address_uuid": address, "session_uuid": other}
            for own in ("me", uuid)
            for address, other in zip(addresses, itertools.cycle(others), strict=False)
        ]

    def _post(self, path: str, **body: str) -> Any:
        headers = {"X-Session-ID": self.sid} if self.sid else {}
        answer = requests.post(self._base + path, json={"password": shop.PASSWORD, **body}, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]
