"""What counts as one network: all addresses that one client may well have."""

import ipaddress

UNKNOWN = ""


def network_of(ip: str | None) -> str:
    """Return the network of an address: an IPv4 address by itself, an IPv6 address with all of its /64.

    A /64 is what a provider gives to one household (RFC 6177), so any address in it costs an attacker nothing. IPv4
    written as IPv6 is IPv4. None, an address that nobody knows, is one network, UNKNOWN.
    """
    if ip is None:
        return UNKNOWN
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
        address = address.ipv4_mapped
    return f"{address}/32"
