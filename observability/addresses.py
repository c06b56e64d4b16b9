"""Network addresses as what stands behind them."""

from __future__ import annotations

import ipaddress


def subnet_of(address: str) -> str:
    """Return what may be kept of an address: the IPv4 /24 or IPv6 /48 it is in, empty for what is no address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((parsed, 48), strict=False))
        parsed = parsed.ipv4_mapped
    return str(ipaddress.IPv4Network((parsed, 24), strict=False))


def network_of(address: str) -> str:
    """Return what stands for one household: an IPv4 address or an IPv6 /64. What is neither stands for itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)
