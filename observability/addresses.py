"""Network addresses as what stands behind them."""

from __future__ import annotations

import ipaddress


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
