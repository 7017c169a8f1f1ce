"""Where a client's address comes from: as many proxies as are trusted (CONTRACT section 11)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Account, new_client
from tests.support.answers import data_of
from tests.support.database import Db
from tests.support.limits import attempt


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (2, "198.51.100.1:80, [2001:db8::1]:443", "198.51.100.1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", None),
        (1, "nonsense", None),
    ],
)
def test_the_clients_address_is_read_without_port_and_brackets(
    make_app: Callable[..., Flask], customer: Account, db: Db, proxies: int, forwarded: str, ip: str | None
) -> None:
    db.execute("DELETE FROM login_session")
    client = new_client(make_app(trusted_proxies=proxies))
    headers = {"X-Forwarded-For": forwarded, "User-Agent": "A browser"}

    data_of(
        client.post(
            "/customer/login", json={"email": customer.email, "password": "correct horse battery"}, headers=headers
        )
    )

    row = db.one("SELECT host(ip) AS ip, user_agent FROM login_session")
    assert row == {"ip": ip, "user_agent": "A browser"}


def test_clients_whose_proxy_writes_ports_do_not_share_one_limit(make_app: Callable[..., Flask]) -> None:
    """Their address was not understood, so that all counted as one network and locked each other out."""
    app = make_app(trusted_proxies=1, limit_network_failures=2)

    statuses = [attempt(app, f"nobody{port}@example.com", ip=f"203.0.113.9:{port}").status_code for port in (1, 2, 3)]

    assert statuses == [401, 401, 429]
    assert attempt(app, "nobody@example.com", ip="203.0.113.8:1").status_code == 401
