"""IP addresses as a proxy writes them, and the networks that limits count by."""

import functools
import ipaddress
import re

UNKNOWN = ""

# As proxies write them: `203.0.113.9:51234`, `[2001:db8::1]:443`, `[2001:db8::1]`, `fe80::1%eth0`.
_WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)(?:%[^\]]*)?\](?::[0-9]+)?|(?P<v4>[0-9.]+):[0-9]+")


@functools.lru_cache(maxsize=4096)
def address_of(text: str | None) -> str | None:
    """Return an IP address without port, brackets and zone; None for what is no address, such as ``unknown``."""
    text = (text or "").strip()
    match = _WITH_PORT.fullmatch(text)
    try:
        return str(ipaddress.ip_address((match["v6"] or match["v4"]) if match else text.partition("%")[0]))
    except ValueError:
        return None


@functools.lru_cache(maxsize=4096)
def network_of(ip: str | None) -> str:
    """Return the network of an IP address: an IPv4 address alone, an IPv6 address with all of its /64 (RFC 6177)."""
    if ip is None:
        return UNKNOWN
    address = ipaddress.ip_address(ip)
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((address, 32 if address.version == 4 else 64), strict=False))


@functools.lru_cache(maxsize=4096)
def site_of(ip: str | None) -> str | None:
    """Return the /48 of an IPv6 address, the most that one customer of a provider usually has; None for IPv4."""
    network = network_of(ip)
    return str(ipaddress.ip_network(network).supernet(new_prefix=48)) if ":" in network else None
