"""Where a client's address comes from."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Account, new_client
from tests.support.database import Db


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "nonsense", None),
        (1, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_clients_address_comes_from_as_many_proxies_as_are_trusted(
    make_app: Callable[..., Flask], customer: Account, db: Db, proxies: int, forwarded: str, ip: str | None
) -> None:
    db.execute("DELETE FROM login_session")
    client = new_client(make_app(trusted_proxies=proxies))

    client.post(
        "/customer/login",
        json={"email": customer.email, "password": PASSWORD},
        headers={"X-Forwarded-For": forwarded, "User-Agent": "A browser"},
    )

    row = db.one("SELECT host(ip) AS ip, user_agent FROM login_session")
    assert row == {"ip": ip, "user_agent": "A browser"}
