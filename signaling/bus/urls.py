"""Addresses of buses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

SCHEMES = ("nats", "tls", "redis", "rediss")
_CREDENTIALS = re.compile(r"//[^@/,]*@")


def check_bus_url(url: str) -> None:
    """Raise `ValueError` for what cannot be the address of a bus; it says why, without credentials."""
    for address in [url] if url.startswith("redis") else url.split(","):
        scheme, found, _ = address.partition("://")
        if not found or scheme not in SCHEMES:
            raise ValueError("a bus is at nats://…, tls://…, redis://… or rediss://…")
        try:
            parts = urlsplit(address)
            named = bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if not named:
            raise ValueError("the address of a bus has a host, and a port from 1 to 65535 if any")


def without_credentials(url: str) -> str:
    """Return one or several addresses as they may be shown."""
    return _CREDENTIALS.sub("//", url)
