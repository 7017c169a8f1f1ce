"""IP addresses as proxies write them, and the networks that limits count by."""

import pytest

from customers.security.networks import UNKNOWN, address_of, network_of, site_of

ADDRESSES = {
    "203.0.113.9": "203.0.113.9",
    " 203.0.113.9 ": "203.0.113.9",
    "203.0.113.9:51234": "203.0.113.9",
    "[2001:db8::1]:443": "2001:db8::1",
    "[2001:db8::1]": "2001:db8::1",
    "2001:DB8:0::1": "2001:db8::1",
    "fe80::1%eth0": "fe80::1",
    "[fe80::1%eth0]:443": "fe80::1",
    "unknown": None,
    "": None,
    None: None,
    "203.0.113": None,
    "203.0.113.9:port": None,
    "[203.0.113.9": None,
    "_hidden": None,
}


@pytest.mark.parametrize(("written", "address"), ADDRESSES.items())
def test_an_address_is_read_without_port_brackets_and_zone(written: str | None, address: str | None) -> None:
    assert address_of(written) == address


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
