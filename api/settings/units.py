"""Durations, sizes and addresses as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from msgspec import Struct

_MAX_DURATION_S = 100 * 365 * 86400.0
_SIZE_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Address(Struct, frozen=True):
    """Where to listen; `host` is None for all interfaces."""

    host: str | None
    port: int


def parse_duration(text: str) -> timedelta:
    """Read a duration above 0 as Go writes it: `24h`, `1h30m`, `500ms`. Raises `ValueError`."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text)
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < seconds <= _MAX_DURATION_S:
        raise ValueError(f"{text!r} is not a duration such as 24h, 15m or 1h30m")
    return timedelta(seconds=seconds)


def parse_size(text: str) -> int:
    """Read a number of bytes: `500MB`, `20GB`, `1TB`; units are powers of 1,000. Raises `ValueError`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(MB|GB|TB)", text)
    if found is None or not float(found[1]):
        raise ValueError(f"{text!r} is not a size such as 500MB, 20GB or 1TB")
    return int(float(found[1]) * _SIZE_UNITS[found[2]])


def parse_address(text: str) -> Address:
    """Read `:8080`, `127.0.0.1:8080` or `[::1]:8080`. Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address such as :8080 or 127.0.0.1:8080")
    return Address(host.strip("[]") or None, int(port))
