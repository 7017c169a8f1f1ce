"""The networks that limits count by; tests/http/test_client_address.py has how addresses are read."""

import pytest

from customers.security.networks import UNKNOWN, network_of, site_of


@pytest.mark.parametrize(
    ("ip", "network", "site"),
    [
        ("203.0.113.9", "203.0.113.9/32", None),
        ("::ffff:203.0.113.9", "203.0.113.9/32", None),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (None, UNKNOWN, None),
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64_within_its_48(
    ip: str | None, network: str, site: str | None
) -> None:
    assert (network_of(ip), site_of(ip)) == (network, site)
