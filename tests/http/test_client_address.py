"""Where a client's address comes from: as many proxies as are trusted."""

from collections.abc import Callable

from flask import Flask

from tests.conftest import Account, log_in, new_client
from tests.support.database import Db


def test_the_clients_address_comes_from_trusted_proxies(
    app_with: Callable[..., Flask], customer: Account, db: Db
) -> None:
    for proxies, forwarded, ip in (
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (2, "198.51.100.1:80, [2001:db8::1]:443", "198.51.100.1"),
        (1, "unknown", None),
    ):
        db.execute("DELETE FROM login_session")
        client = new_client(app_with(trusted_proxies=proxies))
        client.environ_base |= {"HTTP_X_FORWARDED_FOR": forwarded, "HTTP_USER_AGENT": "A browser"}

        log_in(client, customer.email)

        assert db.one("SELECT host(ip) AS ip, user_agent FROM login_session") == {"ip": ip, "user_agent": "A browser"}
